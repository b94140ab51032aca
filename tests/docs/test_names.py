"""Files and tests that the documents name are there; experiments and the changelog, which tell of their day, aside."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if path.parent.name != "experiments" and path.name != "CHANGELOG.md"
]
PLACEHOLDERS = ("NAME", "RUN_DIR", "REPORT_DIR", "ARTEFACT_DIR", "build/", "DATA_DIR")


def test_every_source_file_that_is_named_exists():
    named = {
        (path.name, name)
        for path in DOCUMENTS
        for name in re.findall(r"`([\w.-]+/[\w./-]*\.(?:py|yaml|xml|json|txt|properties))`", path.read_text())
        if not any(word in name for word in PLACEHOLDERS)
    }
    assert len(named) > 5
    assert {(page, name) for page, name in named if not (ROOT / name).is_file()} == set()


def test_every_test_that_is_named_exists():
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(p.read_text() for p in ROOT.glob("tests/**/*.py")), re.M))
    named = {name for path in DOCUMENTS for name in re.findall(r"`(test_\w+)`", path.read_text())}
    assert len(named) > 3
    assert named - defined == set()
