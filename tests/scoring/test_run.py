"""A run from its sources to its parts: what stands in them, how it goes on, what it refuses."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_src.errors import DataError, OutputError, RunError
from scoring.failures import SourceLost
from scoring.local_processes import LocalProcesses
from scoring.options import Share
from scoring.run import score
from scoring.run_folder import RunFolder
from scoring.verify import verify
from tests.scoring.runs import contents, rows, score_here


def test_answers_and_errors_are_rows_in_the_order_of_the_films(write_films, options, run_folder, make_png):
    films = write_films(0)
    (films / "a-black.png").write_bytes(make_png(0))
    (films / "b-text.png").write_text("no picture")
    (films / "c-white.png").write_bytes(make_png(255))
    outcome, _ = score_here(run_folder, options(films))
    assert (outcome.films, outcome.scored.answered, outcome.scored.errors, outcome.complete) == (3, 2, 1, True)
    black, text, white = rows(run_folder)
    assert [black["row"], text["row"], white["row"]] == [0, 1, 2]
    assert black["film"] == str(films / "a-black.png")
    assert (black["label"], white["label"]) == ("Pneumonia", "Healthy")
    assert black["residual_healthy"] == pytest.approx(0.5, abs=1e-4)
    assert white["residual_healthy"] == pytest.approx(0.2689, abs=1e-4)
    assert sum(black[f"probability_{name}"] for name in ("healthy", "pneumonia", "covid_19")) == pytest.approx(1)
    assert (black["error"], black["image_format"], black["image_width"]) == (None, "PNG", 40)
    assert (text["error"], text["label"], text["bytes"]) == ("InvalidImage", None, 10)
    assert "no picture" not in text["error_message"] or text["error_message"]


def test_a_run_goes_on_with_what_is_missing_and_gives_the_same_bytes(write_films, options, run_folder, tmp_path):
    films = write_films(11)
    score_here(run_folder, options(films))
    whole = contents(run_folder)
    assert len([name for name in whole if name.startswith("parts/")]) == 3
    second = sorted(run_folder.parts.iterdir())[1]
    second.unlink()
    (run_folder.parts / ".000001-left-by-a-killed-process").write_text("half")
    before = {path: path.stat().st_mtime_ns for path in run_folder.parts.glob("0*")}
    outcome, _ = score_here(run_folder, options())
    assert contents(run_folder) == whole
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing that was there is made again
    assert outcome.scored.films == 11


def test_processes_give_the_bytes_of_one_process_whatever_their_number(write_films, options, run_folder, tmp_path):
    films = write_films(11)
    score_here(run_folder, options(films))
    for workers in (1, 2):
        other = RunFolder(tmp_path / f"by-{workers}")
        score(other, options(films), LocalProcesses(workers))
        assert contents(other) == contents(run_folder)
    assert "11 films in 3 parts: 11 answers, 0 errors; none twice" in verify(run_folder).line()


def test_shares_together_make_the_whole(write_films, options, run_folder, tmp_path):
    films = write_films(11)
    score_here(run_folder, options(films))
    shared = RunFolder(tmp_path / "shared")
    first, _ = score_here(shared, options(films, share=Share(0, 2)))
    assert (first.complete, first.scored.films) == (False, 7)
    with pytest.raises(RunError, match="1 of 3 parts are missing, with 4 films"):
        verify(shared)
    second, _ = score_here(shared, options(films, share=Share(1, 2)))
    assert (second.complete, second.scored.films) == (True, 4)
    assert contents(shared) == contents(run_folder)


def test_another_model_another_source_other_settings_are_refused(write_films, options, run_folder, other_archive):
    films = write_films(2)
    score_here(run_folder, options(films))
    before = contents(run_folder)
    with pytest.raises(RunError, match=r"begun with the model coronet.mar .* two models never share a folder"):
        score_here(run_folder, options(model=other_archive))
    with pytest.raises(RunError, match="begun with the sources"):
        score_here(run_folder, options(films, films / "000.png"))
    with pytest.raises(RunError, match="threads 2 where it was begun with 1"):
        score_here(run_folder, options(threads=2))
    with pytest.raises(RunError, match="--shard-films 5 where it was begun with 4"):
        score_here(run_folder, options(shard_films=5))
    assert contents(run_folder) == before


def test_another_version_of_a_library_is_refused(write_films, options, run_folder, monkeypatch):
    score_here(run_folder, options(write_films(2)))
    monkeypatch.setattr("scoring.begin.versions_here", lambda: {"torch": "1.0"})
    with pytest.raises(RunError, match=r"torch 1\.0 where it was begun with"):
        score_here(run_folder, options())


def test_a_folder_with_something_else_is_refused(write_films, options, run_folder):
    run_folder.path.mkdir()
    (run_folder.path / "thesis.doc").write_text("mine")
    with pytest.raises(OutputError, match=r"holds thesis.doc, which is of no earlier run"):
        score_here(run_folder, options(write_films(2)))


def test_two_runs_at_a_time_are_refused_and_a_dead_one_is_not(write_films, options, run_folder):
    films = write_films(2)
    run_folder.path.mkdir()
    code = f"""
import fcntl, sys
lock = open({str(run_folder.path / "lock")!r}, "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="another 'coronet score' works in this folder"):
            score_here(run_folder, options(films))
        with pytest.raises(OutputError, match="another 'coronet score' works in this folder"):
            score_here(run_folder, options(films, share=Share(0, 2)))
        other.kill()
    assert score_here(run_folder, options(films))[0].complete


def test_shares_exclude_the_same_share_and_a_whole_run(write_films, options, run_folder):
    films = write_films(2)
    run_folder.prepare()
    with run_folder.one_of(0, 2):
        with pytest.raises(OutputError, match="another 'coronet score'"):
            score_here(run_folder, options(films))
        with pytest.raises(OutputError, match="another 'coronet score'"), run_folder.one_of(0, 2):
            pass
        with run_folder.one_of(1, 2):
            pass


def test_a_changed_source_is_said_and_never_mixed(write_films, options, run_folder, make_png):
    films = write_films(8)
    score_here(run_folder, options(films))
    for part in run_folder.parts.iterdir():
        if part.name.startswith("000001"):
            part.unlink()
    (films / "004.png").write_bytes(make_png(255))
    (films / "005.png").unlink()
    (films / "999.png").write_bytes(make_png(3))
    os.utime(films / "006.png", (1, 1))  # touched is not exchanged
    outcome, said = score_here(run_folder, options())
    assert outcome.changes.counts == {"added": 1, "removed": 1, "exchanged": 1}
    assert "1 films were exchanged" in said
    assert str(films / "999.png") in said
    found = {Path(row["film"]).name: row["error"] for row in rows(run_folder)}
    assert found == {f"00{n}.png": {4: "FilmChanged", 5: "FilmRemoved"}.get(n) for n in range(8)}
    assert verify(run_folder).kinds == {"FilmChanged": 1, "FilmRemoved": 1}
    assert "999.png" in (run_folder.path / "summary.html").read_text()


def test_a_source_that_is_gone_stops_the_run_and_leaves_no_errors_behind(write_films, options, run_folder):
    films = write_films(6)
    score_here(run_folder, options(films))
    for part in run_folder.parts.iterdir():
        part.unlink()
    films.rename(films.parent / "unmounted")
    films.mkdir()
    with pytest.raises(SourceLost, match=r"all 4 films of a shard are gone.*\(0 of 6 films are done"):
        score_here(run_folder, options(check_source=False))
    assert list(run_folder.parts.iterdir()) == []
    outcome, _ = score_here(run_folder, options(check_source=False, accept_removed=True))
    assert (outcome.scored.errors, outcome.complete) == (6, True)


def test_what_is_needed_to_begin(write_films, options, run_folder, tmp_path):
    with pytest.raises(DataError, match="name SOURCE and --model"):
        score_here(run_folder, options())
    with pytest.raises(DataError, match="not found; need a folder"):
        score_here(run_folder, options(tmp_path / "nothing"))
    with pytest.raises(DataError, match="found no film in the sources"):
        score_here(run_folder, options(write_films(0)))
    assert not (run_folder.path / "run.json").exists()


def test_a_run_json_that_is_damaged_or_of_another_version(write_films, options, run_folder):
    score_here(run_folder, options(write_films(2)))
    record = run_folder.path / "run.json"
    text = record.read_text()
    for damaged, why in (
        (text[:50], "not whole"),
        (text.replace('"format_version": 1', '"format_version": 2'), "version"),
    ):
        record.write_text(damaged)
        with pytest.raises(RunError, match=why):
            score_here(run_folder, options())


def test_the_same_film_in_two_sources_is_refused(write_films, options, run_folder):
    films = write_films(2)
    listed = films.parent / "some.txt"
    listed.write_text("films/001.png\n")
    with pytest.raises(DataError, match=r"001.png: found twice"):
        score_here(run_folder, options(films, listed))


def test_answers_do_not_depend_on_what_is_in_the_shard(write_films, options, run_folder, tmp_path):
    films = write_films(9)
    score_here(run_folder, options(films))
    other = RunFolder(tmp_path / "other")
    score_here(other, dataclasses.replace(options(films), shard_films=5))
    assert rows(other) == rows(run_folder)


def test_a_damaged_part_is_one_clear_line_when_a_run_goes_on(write_films, options, run_folder):
    score_here(run_folder, options(write_films(6)))
    first, second = sorted(run_folder.parts.iterdir())
    first.write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"000000-.*damaged; delete it and run again"):
        score_here(run_folder, options())
    first.unlink()
    content = second.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    second.write_bytes(content[:40] + bytes(len(content) - 40 - footer) + content[-footer:])
    with pytest.raises(RunError, match="a part is damaged; --verify tells which"):
        score_here(run_folder, options())
