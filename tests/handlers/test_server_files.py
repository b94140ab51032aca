"""What workers tell each other: slots, busy and stopping, and that a dead worker's locks are free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from handlers.server_files import MOST_ABANDONED, ServerFiles, is_request_name

HOLDS_A_SLOT = """
import sys, time
from pathlib import Path
from handlers.server_files import ServerFiles
files = ServerFiles(Path(sys.argv[1]))
with files.slot(1) as held, files.working():
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def files(tmp_path) -> ServerFiles:
    return ServerFiles(tmp_path / "shared")


def test_there_are_as_many_slots_as_said(files):
    with files.slot(2) as first, files.slot(2) as second, files.slot(2) as third:
        assert (first, second, third) == (True, True, False)
    with files.slot(0) as none:
        assert not none
    with pytest.raises(KeyError), files.slot(1):
        raise KeyError
    with files.slot(1) as again:  # given back in spite of the error
        assert again


def test_the_slot_of_a_killed_process_is_free(files):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_SLOT, str(files.directory)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "True\n"
        with files.slot(1) as held:
            assert not held
        assert not files.idle()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with files.slot(1) as held:
            assert held
        assert files.idle()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_busy_until_all_are_done_and_nothing_new_when_stopping(files):
    with files.working() as first:
        with files.working() as second:
            assert (first, second) == (True, True)
        assert not files.idle()
        files.stop_working()
        with files.working() as third:
            assert not third
    assert files.idle()


def test_processes_of_one_server_find_the_same_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ours = ServerFiles.of_process(os.getpid())
    assert not ours.has_explanations()
    ServerFiles.of_process(os.getpid()).announce_explanations()
    assert ours.has_explanations()
    assert not ServerFiles.of_process(os.getppid()).has_explanations()
    assert sorted(found.directory for found in ServerFiles.found_in(tmp_path)) == sorted(tmp_path.iterdir())
    assert ours.directory.stat().st_mode & 0o077 == 0


def test_a_directory_that_others_could_have_laid_out_is_not_used(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    for name in ("open", "link"):
        with pytest.raises(PermissionError, match=name):
            ServerFiles(tmp_path / name)


def test_a_cleaner_of_the_temporary_directory_does_no_harm(files):
    files.directory.rmdir()
    with files.working() as wanted, files.slot(1) as held:
        assert (wanted, held) == (True, True)


def test_what_dead_servers_left_is_removed_and_a_living_ones_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living = ServerFiles.of_process(os.getpid())
    left = [tmp_path / f"coronet-server-{name}" for name in (f"{os.getpid()}-1", "999999999-5", "of-nobody")]
    for directory in left:
        ServerFiles(directory).announce_explanations()
    ServerFiles.remove_leftovers()
    assert list(tmp_path.iterdir()) == [living.directory]


NAMES = ["0" * 31 + "a", "0" * 31 + "b"]


def test_what_nobody_waits_for_any_more_is_known_to_all_workers(files):
    files.abandon(NAMES[0])
    assert [ServerFiles(files.directory).abandoned(name) for name in NAMES] == [True, False]


def test_names_of_old_requests_are_swept(files):
    files.abandon(NAMES[0])
    (left,) = files.directory.iterdir()
    os.utime(left, (0, 0))
    files.abandon(NAMES[1])
    assert [files.abandoned(name) for name in NAMES] == [False, True]


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 33, "0" * 31 + "G", "", None, 5, "0" * 32 + "\n"])
def test_a_request_cannot_be_named_anything(name):
    assert not is_request_name(name)
    assert is_request_name("0123456789abcdef" * 2)


def test_a_directory_that_has_become_another_users_is_not_used(files):
    files.directory.chmod(0o777)
    with pytest.raises(PermissionError, match="not a directory of this user alone"), files.working():
        pass


def test_a_caller_that_abandons_without_end_fills_no_disk(files):
    for number in range(MOST_ABANDONED + 3):
        files.abandon(f"{number:032x}")
        os.utime(files.directory / f"abandoned-{number:032x}", (number + time.time() - 1000,) * 2)
    assert len(list(files.directory.glob("abandoned-*"))) == MOST_ABANDONED
    assert not files.abandoned(f"{0:032x}")
    assert files.abandoned(f"{MOST_ABANDONED + 2:032x}")
