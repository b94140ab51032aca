"""Folders of phantoms are whole or not there, go on where they stopped, and never replace anything."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_src.classes import CLASS_NAMES
from model_src.errors import DataError, OutputError
from phantoms import data_dir
from phantoms.data_dir import write_phantoms
from phantoms.generate import Phantom, make_phantom
from train.data.data_dir import describe_data, read_data_dir


def test_a_folder_of_phantoms_is_a_data_dir_with_masks_beside(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "set", per_class=5, size=16, seed=7)
    assert describe_data(tmp_path / "set") == {
        "name": "set",
        "kind": "phantoms",
        "counts": {"train": dict.fromkeys(CLASS_NAMES, 5), "test": dict.fromkeys(CLASS_NAMES, 1)},
        "patients": {"train": 15, "test": 3},
    }
    images = [example.path for example in read_data_dir(tmp_path / "set", "all")]
    assert len({image.read_bytes() for image in images}) == 18
    for image in images:
        mask = np.asarray(Image.open(tmp_path / "set" / "masks" / image.relative_to(tmp_path / "set")))
        assert set(np.unique(mask)) <= {0, 255}
        assert mask.any() == (image.parent.name != "Healthy")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]  # nothing unfinished is left


def test_a_larger_set_begins_with_the_smaller_one(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "small", per_class=4, size=16, seed=0)
    write_phantoms(tmp_path / "large", per_class=8, size=16, seed=0)
    for image in (tmp_path / "small").rglob("*.png"):
        assert image.read_bytes() == (tmp_path / "large" / image.relative_to(tmp_path / "small")).read_bytes()


def test_an_interrupted_set_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def interrupt(label: int, seed: int, size: int) -> Phantom:
        nonlocal made
        made += 1
        if made == limit:
            raise KeyboardInterrupt
        return make_phantom(label, seed, size)

    monkeypatch.setattr(data_dir, "make_phantom", interrupt)
    limit = 10
    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "set", per_class=8, size=16, seed=0, workers=1)
    assert not (tmp_path / "set").exists()
    there = len(list(tmp_path.rglob("train/*/*.png"))) // 2  # each with its mask
    assert there > 0
    made, limit = 0, -1
    write_phantoms(tmp_path / "set", per_class=8, size=16, seed=0, workers=1)
    assert made == 30 - there + 1  # one is made to check the settings
    assert describe_data(tmp_path / "set")["patients"] == {"train": 24, "test": 6}


def test_the_same_set_twice_is_no_work_and_another_is_refused(tmp_path: Path) -> None:
    assert write_phantoms(tmp_path / "set", per_class=4, size=16, seed=0)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.png")}
    assert not write_phantoms(tmp_path / "set", per_class=4, size=16, seed=0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.png")} == before
    said = r"holds 15 phantoms \(4 per class, size 16, seed 0\), asked for are 15 \(4 per class, size 16, seed 1\)"
    with pytest.raises(DataError, match=said):
        write_phantoms(tmp_path / "set", per_class=4, size=16, seed=1)
    (tmp_path / "set" / "train" / "Healthy" / "mine.png").touch()
    with pytest.raises(DataError, match="holds 16 phantoms"):
        write_phantoms(tmp_path / "set", per_class=4, size=16, seed=0)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="holds something else"):
        write_phantoms(tmp_path, per_class=4, size=16, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_told_before_anything_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"OUT_DIR .*file is a file, need a folder"):
        write_phantoms(tmp_path / "file" / "set", per_class=4, size=16, seed=0)


def test_a_disk_that_fills_up_is_told_by_the_users_own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / ".set-unfinished" / "x.png"))

    monkeypatch.setattr(data_dir, "_write_phantom", full)
    with pytest.raises(OutputError, match=r"OUT_DIR .*/set: cannot be written \(No space left on device\)"):
        write_phantoms(tmp_path / "set", per_class=4, size=16, seed=0)


def test_what_is_drawn_can_be_shown(tmp_path: Path) -> None:
    totals = []

    def count(drawn: Iterable[None], total: int) -> Iterable[None]:
        totals.append((len(list(drawn)), total))
        return ()

    write_phantoms(tmp_path / "set", per_class=4, size=16, seed=0, progress=count)
    assert totals == [(15, 15)]


def test_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="need at least 4"):
        write_phantoms(tmp_path / "set", per_class=3, size=16, seed=0)


def test_the_settings_say_that_these_are_no_x_rays(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "set", per_class=4, size=16, seed=9)
    settings = json.loads((tmp_path / "set" / "phantoms.json").read_text())
    assert "not X-rays" in settings["about"]
    assert (settings["size"], settings["seed"]) == (16, 9)
