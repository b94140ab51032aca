"""`--verify` finds what is missing, damaged, foreign or exchanged."""

from __future__ import annotations

import shutil

import pyarrow.parquet as pq
import pytest

from model_src.errors import RunError
from scoring.run_folder import RunFolder
from scoring.verify import verify
from tests.scoring.runs import score_here


@pytest.fixture
def done(write_films, options, run_folder) -> RunFolder:
    """Six films, one of them no picture, in parts of four and two."""
    films = write_films(5)
    (films / "text.png").write_text("no picture")
    score_here(run_folder, options(films))
    return run_folder


def test_a_whole_run_is_counted(done):
    found = verify(done)
    assert (found.films, found.parts, found.counts.answered, dict(found.kinds)) == (6, 2, 5, {"InvalidImage": 1})
    assert found.line() == "6 films in 2 parts: 5 answers, 1 errors (1 InvalidImage); none twice, none missing"


def test_a_part_that_is_missing(done):
    sorted(done.parts.iterdir())[1].unlink()
    with pytest.raises(RunError, match="1 of 2 parts are missing, with 2 films; run the same command again"):
        verify(done)


def test_no_damage_of_a_part_is_more_than_one_clear_line(done):
    """In names and statistics, on which no answer depends, a changed bit may be without consequence."""
    part, told = min(done.parts.iterdir()), []
    content = part.read_bytes()
    for place in range(5, len(content), 251):
        part.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        told.append(what_is_wrong(done))
    lines = [line for line in told if line is not None]
    assert len(lines) > len(told) / 2
    assert all(part.name in line and "\n" not in line for line in lines)


def what_is_wrong(folder: RunFolder) -> str | None:
    """What `verify` has against a folder; None where it finds it whole."""
    try:
        verify(folder)
    except RunError as error:
        return str(error)
    return None


def test_the_values_of_a_column_cannot_change_unseen(done):
    part = min(done.parts.iterdir())
    content = part.read_bytes()
    column = pq.ParquetFile(part).metadata.row_group(0).column(6)
    middle = column.data_page_offset + column.total_compressed_size // 2
    part.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    with pytest.raises(RunError, match="damaged"):
        verify(done)


def test_parts_that_are_not_those_of_their_films(done):
    first, second = sorted(done.parts.iterdir())
    shutil.copy(first, second)
    with pytest.raises(RunError, match="its rows are not the films of shard 1"):
        verify(done)
    second.unlink()
    shutil.copy(first, done.parts / "000002-0123456789abcdef.parquet")
    with pytest.raises(RunError, match="no part of this run; take it away: its films would count twice"):
        verify(done)


def test_a_part_of_another_model(done, options, other_archive, tmp_path):
    other = RunFolder(tmp_path / "other")
    score_here(other, options(tmp_path / "films", model=other_archive))
    for part, theirs in zip(sorted(done.parts.iterdir()), sorted(other.parts.iterdir()), strict=True):
        assert part.name != theirs.name
        shutil.copy(theirs, part)
    with pytest.raises(RunError, match="of another model or other settings"):
        verify(done)


@pytest.mark.parametrize("name", ["manifest.parquet", "model.mar"])
def test_a_manifest_or_model_that_was_exchanged(done, name):
    path = done.path / name
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RunError, match=r"not the file that run\.json names"):
        verify(done)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(RunError, match="no run of coronet score"):
        verify(RunFolder(tmp_path))
