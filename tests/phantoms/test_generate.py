"""Phantoms: what a class is, what it must not change, and folders that are whole or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label as connected

from model_src.classes import CLASS_NAMES, COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError, OutputError
from phantoms import generate as phantoms
from phantoms.generate import make_phantom, write_phantoms
from train.data.data_dir import describe_data, read_data_dir

SEEDS = range(12)


@pytest.mark.parametrize("size", [16, 50, 96])
def test_shapes_and_types_at_any_size(size: int) -> None:
    phantom = make_phantom(COVID, 3, size)
    assert (phantom.image.shape, phantom.image.dtype) == ((size, size), np.uint8)
    assert (phantom.lesion_mask.shape, phantom.lesion_mask.dtype) == ((size, size), np.bool_)
    assert np.ptp(phantom.image) > 150  # a film has black and white


def test_the_same_three_numbers_give_the_same_picture() -> None:
    first, again = make_phantom(COVID, 5, 48), make_phantom(COVID, 5, 48)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.lesion_mask, again.lesion_mask)
    assert not np.array_equal(first.image, make_phantom(COVID, 6, 48).image)


def test_the_place_of_lesions_does_not_depend_on_the_size() -> None:
    for seed in SEEDS:
        small, large = (np.argwhere(make_phantom(PNEUMONIA, seed, s).lesion_mask).mean(0) / s for s in (64, 160))
        np.testing.assert_allclose(small, large, atol=0.03)


@pytest.mark.parametrize("label", [PNEUMONIA, COVID])
def test_only_lesions_tell_classes_apart(label: int) -> None:
    """One seed is one chest: it looks the same in every class but where a lesion is, give or take its halo."""
    for seed in SEEDS:
        healthy, ill = make_phantom(HEALTHY, seed, 64), make_phantom(label, seed, 64)
        change = ill.image.astype(int) - healthy.image
        far = np.ones((64, 64), bool)
        for y, x in np.argwhere(ill.lesion_mask):
            far[max(y - 12, 0) : y + 13, max(x - 12, 0) : x + 13] = False
        assert np.abs(change[far]).mean() < 3  # gray levels: scattered light only
        assert change[ill.lesion_mask].mean() > 15


def test_healthy_has_no_lesion() -> None:
    assert not any(make_phantom(HEALTHY, seed, 48).lesion_mask.any() for seed in SEEDS)


def test_pneumonia_is_in_one_lung_and_covid_in_both_and_nearer_the_wall() -> None:
    from_middle: dict[int, list[float]] = {PNEUMONIA: [], COVID: []}
    for seed in SEEDS:
        for label in from_middle:
            mask = make_phantom(label, seed, 96).lesion_mask
            in_lungs = mask[:, :48].sum(), mask[:, 48:].sum()
            assert max(in_lungs) >= 40
            assert (min(in_lungs) < 0.1 * max(in_lungs)) == (label == PNEUMONIA)
            from_middle[label].append(float(np.abs(np.argwhere(mask)[:, 1] - 47.5).mean()))
            if label == PNEUMONIA:
                assert connected(mask)[1] <= 2  # one opacity; a rib's edge may cut off a corner
    assert np.mean(from_middle[COVID]) > np.mean(from_middle[PNEUMONIA]) + 2


def test_brightness_alone_does_not_tell() -> None:
    means = [[make_phantom(label, 100 * label + n, 32).image.mean() for n in range(40)] for label in range(3)]
    spread = np.std(means)
    assert np.ptp([np.mean(m) for m in means]) < spread


@pytest.mark.parametrize(("label", "seed", "size"), [(3, 0, 64), (-1, 0, 64), (0, -1, 64), (0, 0, 15)])
def test_settings_out_of_range(label: int, seed: int, size: int) -> None:
    with pytest.raises(DataError, match="need"):
        make_phantom(label, seed, size)


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

    def interrupt(label: int, seed: int, size: int) -> phantoms.Phantom:
        nonlocal made
        made += 1
        if made == limit:
            raise KeyboardInterrupt
        return make_phantom(label, seed, size)

    monkeypatch.setattr(phantoms, "make_phantom", interrupt)
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
