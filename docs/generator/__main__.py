"""Write the generated reference pages: `python -m docs.generator`; with `--check` only name those that are stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from docs.generator.commands import commands_page
from docs.generator.openapi import openapi_page
from docs.generator.pages import errors_page, limits_page, options_page, recipes_page
from docs.generator.parts import parts_page

REFERENCE = Path(__file__).parents[1] / "reference"

# file in docs/reference -> what writes its text
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "errors.md": errors_page,
    "explanation-options.md": options_page,
    "limits.md": limits_page,
    "openapi.yaml": openapi_page,
    "recipes.md": recipes_page,
    "score-parts.md": parts_page,
}


def stale_pages() -> dict[str, str]:
    """File name -> text as it should be, of every page that is missing or says something else."""
    found = {}
    for name, write in PAGES.items():
        path, text = REFERENCE / name, write()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found[name] = text
    return found


def main() -> int:
    """Rewrite what is stale; with --check, status 1 if anything is."""
    parser = argparse.ArgumentParser(prog="python -m docs.generator", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a page is stale")
    only_check = parser.parse_args().check
    stale = stale_pages()
    for name, text in stale.items():
        print(f"{'stale' if only_check else 'written'}: docs/reference/{name}")
        if not only_check:
            (REFERENCE / name).write_text(text, encoding="utf-8")
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
