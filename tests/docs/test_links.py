"""Every relative link in a Markdown file leads to a file that is there, and to a heading that is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def without_code(text: str) -> str:
    """The text without code blocks and code spans, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S))


def links(text: str) -> list[str]:
    """Targets of links and pictures, those of other sites left out."""
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", without_code(text))


def anchors(text: str) -> set[str]:
    """What GitHub and others make of headings: lower case, punctuation dropped, blanks to hyphens."""
    headings = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    found: set[str] = set()
    for heading in headings:
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        repeated = next(number for number in range(100) if (f"{slug}-{number}" if number else slug) not in found)
        found.add(f"{slug}-{repeated}" if repeated else slug)
    return found


def broken(document: Path) -> list[str]:
    """Links of a document that lead nowhere."""
    found = []
    for link in links(document.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            found.append(link)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    assert broken(ROOT / name) == []


def test_a_missing_file_and_a_missing_heading_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `page`, for one\n[a](page.md#a-page-for-one) [b](#nothing) [c](none.md) [d](https://x.org) `[e](none)`\n"
    )
    assert broken(page) == ["#nothing", "none.md"]


def test_every_page_is_reached_from_the_readme():
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document in reached:
            continue
        reached.add(document)
        for link in links(document.read_text(encoding="utf-8")):
            path = (document.parent / link.partition("#")[0]).resolve()
            if path.is_dir():
                ahead += sorted(path.glob("*.md"))
            elif path.suffix == ".md":
                ahead.append(path)
    assert set(DOCUMENTS) - reached == set()
