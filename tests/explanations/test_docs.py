"""docs/explanations.md lists every option as the code takes it, and its pictures exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from explanations import METHODS
from explanations.settings import options_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def page():
    return (DOCS / "explanations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", METHODS)
def test_every_option_is_documented_as_it_is(page, method):
    section = page.split(f"\n### {method}\n", 1)[1].split("\n#", 1)[0]
    general = page.split("\n## Options\n", 1)[1].split("\n###", 1)[0]
    for name, (option, default) in options_of(METHODS[method].settings).items():
        shown = "-" if default is None else default
        row = f"| `{name}` | {shown} | {option.takes} | {option.help} |"
        assert row in section or row in general


def test_pictures_and_links_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        assert (DOCS / target).is_file(), target
