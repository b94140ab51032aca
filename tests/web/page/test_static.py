"""The files of the page: small, without anything inline, and without a word of another origin."""

from __future__ import annotations

import re

from web.app import STATIC

FILES = sorted(path for path in STATIC.iterdir() if path.is_file())


def test_size_of_the_scripts():
    assert 20_000 < sum(path.stat().st_size for path in FILES if path.suffix == ".js") < 100_000


def test_one_file_per_idea():
    assert max(len(path.read_text().splitlines()) for path in FILES) <= 300


def test_nothing_inline():
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", page)


def test_no_other_origin():
    """The one address is the name of SVG's namespace, which nobody asks."""
    for path in FILES:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|url\(", text), path.name


def test_scripts_touch_no_html():
    """What comes from outside is put in as text: no function that would read it as HTML or as code is used."""
    for path in FILES:
        if path.suffix == ".js":
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", path.read_text()
            )


def test_each_module_is_used():
    scripts = {path.name for path in FILES if path.suffix == ".js"}
    imported = {name for path in FILES for name in re.findall(r'from "\./([a-z]+\.js)"', path.read_text())}
    assert scripts - imported == {"main.js"}
