"""The shipped model is packed once, kept under a digest of all that goes in, and packed again when that changes."""

from __future__ import annotations

from pathlib import Path

import pytest

import archive.build
import train.runs.export
from cli import shipped_model
from cli.shipped_model import shipped_model_store
from launcher.packaged_files import PRETRAINED
from model_src.errors import ServerError


@pytest.fixture
def packed(monkeypatch, tmp_path) -> list[Path]:
    """Model stores packed so far; packing writes an empty file instead of an archive."""
    stores: list[Path] = []

    def build(artefacts: Path, store: Path) -> None:
        assert artefacts.read_text() == str(PRETRAINED)
        (store / "coronet.mar").touch()
        stores.append(store)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(train.runs.export, "export_run", lambda run, artefacts: artefacts.write_text(str(run)))
    monkeypatch.setattr(archive.build, "build_archive", build)
    return stores


def test_packed_at_the_first_start_only(packed, tmp_path, capsys):
    store = shipped_model_store()
    assert store.parent == tmp_path / "coronet"
    assert store.stat().st_mode & 0o777 == 0o700
    assert str(store) in capsys.readouterr().out
    assert shipped_model_store() == store
    assert packed == [store]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "changed", ["model_src/classes.py", "archive/model-config.yaml", "archive/pretrained/run.json"]
)
def test_another_version_gets_an_archive_of_its_own(packed, monkeypatch, tmp_path, changed):
    rooms = tmp_path / "rooms"
    for name in ("model_src/classes.py", "archive/model-config.yaml", "archive/pretrained/run.json", "cli/main.py"):
        (rooms / name).parent.mkdir(parents=True, exist_ok=True)
        (rooms / name).write_text("before")
    monkeypatch.setattr(shipped_model, "ROOMS", rooms)
    first = shipped_model_store()
    (rooms / "cli/main.py").write_text("after")  # runs in no worker
    assert shipped_model_store() == first
    (rooms / changed).write_text("after")
    assert packed == [first]
    assert shipped_model_store() != first


def test_another_torch_gets_an_archive_of_its_own(packed, monkeypatch):
    first = shipped_model_store()
    monkeypatch.setattr(shipped_model, "version", lambda name: "99.0")
    assert shipped_model_store() != first


def test_without_a_place_it_says_what_to_set(packed, monkeypatch, tmp_path):
    (tmp_path / "coronet").touch()
    with pytest.raises(ServerError, match=r"cannot be made \(Not a directory\): set XDG_CACHE_HOME"):
        shipped_model_store()
    assert packed == []


def test_without_a_home_it_says_what_to_set(packed, monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(shipped_model.Path, "home", no_home)
    with pytest.raises(ServerError, match=r"no home directory .*: set XDG_CACHE_HOME"):
        shipped_model_store()


def test_nothing_is_packed_into_a_place_of_somebody_elses(packed, monkeypatch):
    store = shipped_model_store()
    (store / "coronet.mar").unlink()
    monkeypatch.setattr(shipped_model.os, "getuid", lambda: store.stat().st_uid + 1)
    with pytest.raises(ServerError, match=r"belongs to user \d+, need one of your own: set XDG_CACHE_HOME"):
        shipped_model_store()
    assert packed == [store]


def test_what_somebody_else_has_put_there_is_not_served(packed, monkeypatch):
    store = shipped_model_store()
    monkeypatch.setattr(shipped_model.os, "getuid", lambda: store.stat().st_uid + 1)
    with pytest.raises(ServerError, match=r"belongs to user \d+, need one of your own: set XDG_CACHE_HOME"):
        shipped_model_store()
    assert packed == [store]
