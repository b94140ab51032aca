"""A run is judged on the validation images that its training set aside, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.judged_split import judged_examples
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError
from train.data.data_dir import class_counts
from train.data.split import image_list, read_training_data
from train.runs.run_folder import RunFolder


def run_with(folder: Path, seed: int, validation: dict[str, int], **more: str) -> Path:
    """A run folder of which only run.json is there."""
    RunFolder(folder).create(
        {"seed": seed, "recipe": {"validation_fraction": 0.2}, "data": {"validation": validation}, **more}
    )
    return folder


def test_the_validation_split_of_a_run_is_made_again(stripes: Path, tmp_path: Path) -> None:
    held_out = {}
    for seed in (0, 1):
        run = run_with(tmp_path / f"run{seed}", seed, dict.fromkeys(CLASS_NAMES, 2))
        held_out[seed] = {example.path for example in judged_examples(run, stripes, "validation")}
        data = read_training_data(stripes, fraction=0.2, seed=seed)
        assert held_out[seed] == {example.path for example in data.validation}
    assert held_out[0] != held_out[1]


def test_other_data_than_the_run_was_trained_on_is_refused(stripes: Path, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", 0, dict.fromkeys(CLASS_NAMES, 3))
    with pytest.raises(DataError, match=r"held out 3 Healthy, .* here it would be 2 Healthy"):
        judged_examples(run, stripes, "validation")
    imported = run_with(tmp_path / "imported", 0, {})
    with pytest.raises(DataError, match="training held out nothing"):
        judged_examples(imported, stripes, "validation")


def test_as_many_images_of_other_patients_are_refused(stripes: Path, tmp_path: Path) -> None:
    trained_on = image_list(read_training_data(stripes, fraction=0.2, seed=0))
    counts = dict.fromkeys(CLASS_NAMES, 2)
    same = run_with(tmp_path / "same", 0, counts, image_list=trained_on)
    assert len(judged_examples(same, stripes, "validation")) == 6
    (tmp_path / "moved").symlink_to(stripes)
    assert len(judged_examples(same, tmp_path / "moved", "validation")) == 6
    other = run_with(tmp_path / "other", 1, counts, image_list=trained_on)
    with pytest.raises(DataError, match="not those of the training"):
        judged_examples(other, stripes, "validation")


def test_other_splits_and_models_take_what_the_data_has(stripes: Path, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", 0, dict.fromkeys(CLASS_NAMES, 2))
    assert class_counts(judged_examples(run, stripes, "train")) == dict.fromkeys(CLASS_NAMES, 10)
    with pytest.raises(DataError, match="no validation split"):
        judged_examples(tmp_path / "coronet.mar", stripes, "validation")
