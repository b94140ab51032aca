"""Nothing half-written is left under a final name."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from model_src.atomic import atomic_directory, atomic_write, require_replaceable, require_writable
from model_src.errors import OutputError


def test_file_appears_whole(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "deep" / "a.json") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "deep" / "a.json").exists()
        assert temporary.suffix == ".json"
    assert (tmp_path / "deep" / "a.json").read_text() == "new"


def test_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def write() -> None:
        with atomic_write(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_directory_replaces_the_old_one_whole(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").touch()
    with atomic_directory(tmp_path / "d") as temporary:
        (temporary / "new").touch()
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["new"]
    assert len(list(tmp_path.iterdir())) == 1


def test_failed_directory_keeps_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").touch()
    with pytest.raises(ZeroDivisionError), atomic_directory(tmp_path / "d"):
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["old"]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_written_is_told_before_the_work_and_by_the_users_own_path(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "deeper", "--out")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"--out .*file/below: .*file is a file, need a folder"):
        require_writable(tmp_path / "file" / "below", "--out")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="a link that leads nowhere"):
        require_writable(tmp_path / "link", "--out")


def test_a_read_only_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may write anywhere
    with pytest.raises(OutputError, match=r"--out .*new: .* may not be written to"):
        require_writable(tmp_path / "new", "--out")


def test_a_folder_that_cannot_be_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    require_replaceable(tmp_path / "new", "--out", "report")
    require_replaceable(tmp_path / "d", "--out", "report")
    monkeypatch.chdir(tmp_path / "d")
    with pytest.raises(OutputError, match=r"--out \.: the command runs in this folder.* name one in it: --out report$"):
        require_replaceable(".", "--out", "report")
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path / "d")
    (tmp_path / "d" / "e").mkdir()
    with pytest.raises(OutputError, match="which its place does not allow"):
        require_replaceable("e", "--out", "report")


def test_a_folder_that_cannot_be_moved_away_is_left_with_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()

    def busy(path: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(OSError, match="busy"), atomic_directory(tmp_path / "d"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_a_folder_that_takes_no_files_is_told_beforehand() -> None:
    with pytest.raises(OutputError, match=r"--out /proc/pictures: /proc takes no files \(.*\); choose another path"):
        require_writable("/proc/pictures", "--out")
