"""Directories of a server: one each, swept when a server was killed, and a clear word where there can be none."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from launcher.places import locked, make_state_directory, refuse_noexec, temporary_directory
from model_src.errors import ServerError


def left_behind(base: Path, name: str, *, old: bool = True) -> Path:
    """A directory as a server that was killed leaves it."""
    directory = base / name
    (directory / "models").mkdir(parents=True)
    if old:
        os.utime(directory, (0, 0))
    return directory


def test_what_killed_servers_left_is_removed_at_the_next_start(tmp_path):
    dead = left_behind(tmp_path, "coronet-serve-dead")
    living = left_behind(tmp_path, "coronet-serve-living")
    starting = left_behind(tmp_path, "coronet-serve-new", old=False)
    others = left_behind(tmp_path, "coronet-server-1-2")
    with locked(living), temporary_directory(tmp_path) as own:
        assert not dead.exists()
        assert living.exists()
        assert starting.exists()
        assert others.exists()
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        assert len(str(own.relative_to(tmp_path)) + "/management.sock") < 60
    assert not own.exists()


def test_no_room_for_a_temporary_directory(tmp_path):
    with pytest.raises(ServerError, match="No such file or directory"), temporary_directory(tmp_path / "none"):
        pytest.fail("made")


@pytest.mark.parametrize(("flag", "unix_socket", "refused"), [(8, True, True), (8, False, False), (0, True, False)])
def test_a_directory_mounted_noexec(tmp_path, monkeypatch, flag, unix_socket, refused):
    assert os.ST_NOEXEC == 8
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=flag))
    if not refused:
        refuse_noexec(tmp_path, unix_socket=unix_socket)
        return
    with pytest.raises(ServerError, match=r"mounted noexec, .* --management-port"):
        refuse_noexec(tmp_path, unix_socket=unix_socket)


def test_a_state_directory_is_its_users_alone_whatever_the_umask(tmp_path):
    before = os.umask(0o000)
    try:
        made = make_state_directory(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_state_directory_that_cannot_be_made_names_the_variable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ServerError, match=r"file/state cannot be written to .* set XDG_STATE_HOME") as caught:
        make_state_directory(tmp_path / "file" / "state")
    assert "\n" not in str(caught.value)


def test_a_state_directory_has_one_server(tmp_path):
    refusal = pytest.raises(ServerError, match=f"another 'coronet serve' uses {tmp_path}")
    with locked(tmp_path), refusal, locked(tmp_path):
        pytest.fail("locked twice")
    with locked(tmp_path):
        pass
