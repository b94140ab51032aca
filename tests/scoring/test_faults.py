"""A disk that is full, a file that may not grow: a clear line, nothing half-written, and the run goes on later."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_src.errors import OutputError
from scoring.run_folder import RunFolder
from scoring.verify import verify
from tests.scoring.runs import contents, score_here


@pytest.fixture
def small_disk(tmp_path: Path, archive: Path) -> Iterator[Path]:
    """A file system with room for the model and 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = archive.stat().st_size + 2_000_000
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "coronet", str(folder)]
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("needs root and tmpfs for a disk that can be filled")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    small_disk, write_films, options, run_folder, archive
):
    films = write_films(40)
    score_here(run_folder, options(films))
    out = small_disk / "run"
    command = [sys.executable, "-m", "cli", "score", str(films), "--model", str(archive), "--out", str(out)]
    command += ["--shard-films", "4", "--workers", "1"]
    filler = small_disk / "filler"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(bytes(free - archive.stat().st_size - 80_000))  # room for the model, and for some parts
    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 1
    last = full.stderr.strip().splitlines()[-1]
    assert "No space left on device" in last
    assert "films are done; mend it, what is done stays" in last
    assert "Traceback" not in full.stderr
    for part in out.glob("parts/*"):
        assert part.name.startswith("0")
        assert part.read_bytes() == (run_folder.parts / part.name).read_bytes()
    filler.unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert contents(RunFolder(out)) == contents(run_folder)


def test_a_manifest_that_does_not_fit_leaves_none(write_films, options, run_folder, monkeypatch):
    films = write_films(3)
    score_here(run_folder, options(films))  # the model is open from here on
    other = RunFolder(run_folder.path.parent / "other")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    other.prepare()
    monkeypatch.setattr(other, "keep_model", lambda archive: "0" * 64)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            score_here(other, options(films))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in other.path.iterdir()} <= {"lock"}


def test_a_part_that_cannot_be_written_says_how_many_films_are_done(write_films, options, run_folder, monkeypatch):
    written: list[Path] = []

    def refuse(path: Path, content: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr("scoring.worker.write_part", refuse)
    with pytest.raises(OutputError, match="No space left on device; 4 of 12 films are done; mend it, what"):
        score_here(run_folder, options(write_films(12)))
    monkeypatch.undo()
    assert len(list(run_folder.parts.iterdir())) == 1


def test_after_it_the_run_goes_on(write_films, options, run_folder, monkeypatch):
    films = write_films(6)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("scoring.worker.write_part", full)
        with pytest.raises(OutputError):
            score_here(run_folder, options(films))
    assert score_here(run_folder, options())[0].complete
    assert verify(run_folder).counts.answered == 6
