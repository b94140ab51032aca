"""CONTRIBUTING.md: its table is that of the import test, and one film is followed through few files, which exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_imports import MAY_IMPORT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES = {"A prediction": 10, "An explanation": 15, "A training": 20}


def test_the_table_says_who_may_import_whom():
    rows = re.findall(r"^\| `(\w+)/` \| .* \| ([^|]*) \|$", PAGE, flags=re.M)
    everything = set(MAY_IMPORT) - {"cli", "coronet_serve"}
    told = {name: everything if cell == "all of them" else set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}
    assert {name: told[name] for name in MAY_IMPORT} == {
        name: allowed & (everything | {"cli"}) - {name} for name, allowed in MAY_IMPORT.items()
    }


@pytest.mark.parametrize("title", MOST_FILES)
def test_one_film_is_followed_through_few_files(title):
    section = PAGE.split(f"\n### {title}\n", 1)[1].split("\n#", 1)[0]
    files = re.findall(r"^\d+\. `([\w/.]+)`", section, flags=re.M)
    assert 5 < len(files) <= MOST_FILES[title]
    assert len(set(files)) == len(files)
    for file in files:
        assert (ROOT / file).is_file(), file


@pytest.mark.parametrize("title", MOST_FILES)
def test_no_step_goes_back_to_a_room_already_left(title):
    section = PAGE.split(f"\n### {title}\n", 1)[1].split("\n#", 1)[0]
    rooms = [file.split("/")[0] for file in re.findall(r"^\d+\. `([\w/.]+)`", section, flags=re.M)]
    entered = [room for room, before in zip(rooms, [None, *rooms], strict=False) if room != before]
    assert len(entered) == len(set(entered)), entered
