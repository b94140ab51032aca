"""`coronet pacs status` and `retry`, without a node and beside one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_src.errors import DataError
from pacs.spool import Spool, key_of
from pacs.status import retry_films, status_lines

FIRST, SECOND = sorted(key_of(str(number)) for number in range(2))


@pytest.fixture
def root(tmp_path):
    """A spool with two failed films, one that waits in vain and one that is done."""
    spool = Spool(tmp_path / "spool")
    for number in range(4):
        spool.add(key_of(str(number)), b"film")
    spool.fail(key_of("0"), "it refuses")
    spool.fail(key_of("1"), "it refuses too")
    task = spool.task(key_of("2"))
    assert task
    spool.save(key_of("2"), replace(task, arrived=task.arrived - 600, tries=3, why="it is down"))
    spool.finish(key_of("3"), 0.0)
    spool.close()
    return spool.root


def test_status(root):
    lines = status_lines(root)
    assert lines[:4] == [
        "node     does not run",
        "waiting  1, the oldest for 10 minutes",
        "failed   2",
        "done     1",
    ]
    assert f"waiting  {key_of('2')}  3 tries: it is down" in lines
    assert f"failed   {key_of('1')}  it refuses too" in lines
    spool = Spool(root)
    assert status_lines(root)[0] == "node     runs"
    spool.close()


def test_retry_all_and_by_the_first_digits(root):
    assert retry_films(root, [FIRST[:8]]) == ["1 films wait again: they wait until 'coronet pacs' runs"]
    assert sorted(path.name for path in (root / "failed").iterdir()) == [SECOND]
    spool = Spool(root)
    assert retry_films(root, []) == ["1 films wait again"]
    assert len(spool.waiting()) == 3
    spool.close()


@pytest.mark.parametrize(("key", "found"), [("", 2), ("xyz", 0), ("../waiting", 0)])
def test_a_key_that_fits_no_film_or_several_is_one_line(root, key, found):
    with pytest.raises(DataError, match=f"found {found} failed films"):
        retry_films(root, [key])


def test_a_folder_that_is_no_spool_is_one_line(tmp_path):
    for told in (status_lines, lambda root: retry_films(root, [])):
        with pytest.raises(DataError, match="found no spool there"):
            told(tmp_path)
