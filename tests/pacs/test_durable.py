"""Files are there whole, or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from pacs.durable import move_durably, read_json, write_durably, write_json, write_once


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_written_and_replaced_and_is_its_users_alone(tmp_path):
    path = tmp_path / "file"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_on_a_full_disk_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_durably(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_once_is_not_written_again(tmp_path):
    path = tmp_path / "file"
    assert write_once(path, b"first")
    assert not write_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_moved_onto_one_that_holds_something(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(OSError, match="not empty"):
        move_durably(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "file").read_text() == "b"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null"])
def test_json_that_is_none_is_an_empty_object(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert read_json(tmp_path / "file") == read_json(tmp_path / "none") == {}


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "file", {"a": [1, None]})
    assert read_json(tmp_path / "file") == {"a": [1, None]}
