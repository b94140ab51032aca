"""SIGKILL, anywhere: the same bytes in the end. Processes and network are real; the weights are hand-set."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scoring.local_processes import LocalProcesses
from scoring.run import score
from scoring.run_folder import RunFolder
from scoring.verify import verify
from tests.scoring.runs import contents, rows, score_here

_FILMS, _SHARD = 48, 4
_PATIENCE = 120.0  # seconds, on a machine that does much else


@pytest.fixture
def whole(write_films, options, run_folder) -> dict[str, bytes]:
    """What a run that nobody kills leaves: its files by name."""
    score_here(run_folder, options(write_films(_FILMS)))
    return contents(run_folder)


def start(films: Path, archive: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    """`coronet score` in a process group of its own; an unpacked model that it leaves goes with the test's folder."""
    (temporary := out.parent / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cli", "score", str(films), "--model", str(archive), "--out", str(out)]
    more = ["--shard-films", str(_SHARD), "--workers", str(workers)]
    return subprocess.Popen(
        [*command, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
    )


def parts_of(out: Path) -> list[Path]:
    """The parts under their names."""
    return sorted(out.glob("parts/0*"))


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """SIGKILL to all of its processes after that time; whether it was still at work."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        at_work = True
    else:
        at_work = False
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
    return at_work


@pytest.mark.parametrize("times", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_killed_at_random_points_and_resumed_with_other_numbers_of_workers(times, whole, archive, tmp_path):
    films, out, draw = tmp_path / "films", tmp_path / "killed", random.Random(times)
    started = time.monotonic()
    assert start(films, archive, tmp_path / "timed", workers=2).wait(_PATIENCE) == 0
    longest = time.monotonic() - started
    points: list[int] = []  # parts that were there at each kill
    while len(points) < times:
        if len(parts_of(out)) == _FILMS // _SHARD:  # it was done sooner than expected: all but one part again
            for part in parts_of(out)[1:]:
                part.unlink()
        if kill_after(start(films, archive, out, draw.choice((1, 2, 3))), draw.uniform(0, longest)):
            points.append(len(parts_of(out)))
    assert start(films, archive, out, workers=2).wait(_PATIENCE) == 0
    assert contents(RunFolder(out)) == whole, points
    assert f"{_FILMS} films in {_FILMS // _SHARD} parts" in verify(RunFolder(out)).line()


def test_workers_end_with_their_parent(write_films, archive, tmp_path):
    out = tmp_path / "run"
    process = start(write_films(_FILMS), archive, out, workers=2)
    while not parts_of(out) and process.poll() is None:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


class KillsOnce(LocalProcesses):
    """Kills the youngest of its own workers after the first part."""

    def run(self, order, shards, report):
        """As `Backend.run`."""
        said = report.part

        def part(done):
            said(done)
            report.part = said
            workers = psutil.Process().children(recursive=True)
            max(workers, key=lambda each: (each.create_time(), each.pid)).kill()

        report.part = part
        super().run(order, shards, report)


def test_a_worker_that_is_killed_costs_nothing_but_its_shard(whole, options, tmp_path):
    other = RunFolder(tmp_path / "other")
    outcome = score(other, options(tmp_path / "films"), KillsOnce(2))
    assert outcome.scored.films == _FILMS
    assert contents(other) == whole


def deadly_serve(connection, order):
    """A worker process that one film kills, as a decoder with a defect would."""
    from scoring.local_processes import _serve
    from scoring.reading import FilmReader

    read = FilmReader.read

    def deadly(self, film):
        if film.address.endswith("005.png"):
            os.kill(os.getpid(), signal.SIGKILL)
        return read(self, film)

    setattr(FilmReader, "read", deadly)  # noqa: B010 (it is a method to mypy)
    _serve(connection, order)


def test_a_film_that_kills_its_reader_twice_is_an_error_and_the_rest_go_on(
    write_films, options, run_folder, monkeypatch
):
    monkeypatch.setattr("scoring.local_processes._serve", deadly_serve)
    outcome = score(run_folder, options(write_films(8)), LocalProcesses(1))
    assert (outcome.scored.answered, outcome.scored.errors) == (7, 1)
    found = rows(run_folder)
    assert [row["error"] for row in found] == [None] * 5 + ["WorkerLost"] + [None] * 2
    assert "died of it, twice" in found[5]["error_message"]
    assert list(run_folder.parts.glob(".*")) == []  # nor is half of a part left of the worker that died
