"""The page about explanations has every method, with the default named first."""

from __future__ import annotations

import re
from pathlib import Path

from explanations import DEFAULT_METHOD, METHODS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "background" / "explanations.md"


def test_every_method_has_its_row_and_the_default_is_named_first():
    table = PAGE.read_text(encoding="utf-8").split("\n## Which method, when\n", 1)[1].split("\n## ", 1)[0]
    first, *others = re.findall(r"^\| `(\w+)`( \(default\))?", table, flags=re.M)
    assert first == (DEFAULT_METHOD, " (default)")
    assert sorted(others) == sorted((method, "") for method in METHODS if method != DEFAULT_METHOD)
