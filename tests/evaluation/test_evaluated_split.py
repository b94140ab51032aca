"""A run is evaluated on the validation images that its training set aside, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.evaluated_split import evaluated_examples
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError
from train.data.examples import class_counts
from train.data.split import image_list, read_training_data
from train.recipe import load_recipe
from train.runs.run_folder import RunFolder
from train.runs.run_record import DataSummary, RunRecord


def run_with(folder: Path, seed: int, validation: dict[str, int], **more: str) -> Path:
    """A run folder of which only run.json is there."""
    recipe = load_recipe("quick").model_copy(update={"validation_fraction": 0.2})
    data = DataSummary(validation=validation or None)
    facts: dict[str, Any] = {"trained_on": "x-rays", "cin_trained": True, **more}
    RunFolder(folder).create(RunRecord(model="coronet", recipe=recipe, seed=seed, data=data, **facts))
    return folder


def test_the_validation_split_of_a_run_is_made_again(stripes: Path, tmp_path: Path) -> None:
    held_out = {}
    for seed in (0, 1):
        run = run_with(tmp_path / f"run{seed}", seed, dict.fromkeys(CLASS_NAMES, 2))
        held_out[seed] = {example.path for example in evaluated_examples(run, stripes, "validation")}
        data = read_training_data(stripes, fraction=0.2, seed=seed)
        assert held_out[seed] == {example.path for example in data.validation}
    assert held_out[0] != held_out[1]


def test_other_data_than_the_run_was_trained_on_is_refused(stripes: Path, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", 0, dict.fromkeys(CLASS_NAMES, 3))
    with pytest.raises(DataError, match=r"held out 3 Healthy, .* here it would be 2 Healthy"):
        evaluated_examples(run, stripes, "validation")
    imported = run_with(tmp_path / "imported", 0, {})
    with pytest.raises(DataError, match="training held out nothing"):
        evaluated_examples(imported, stripes, "validation")


def test_as_many_images_of_other_patients_are_refused(stripes: Path, tmp_path: Path) -> None:
    trained_on = image_list(read_training_data(stripes, fraction=0.2, seed=0))
    counts = dict.fromkeys(CLASS_NAMES, 2)
    same = run_with(tmp_path / "same", 0, counts, image_list=trained_on)
    assert len(evaluated_examples(same, stripes, "validation")) == 6
    (tmp_path / "moved").symlink_to(stripes)
    assert len(evaluated_examples(same, tmp_path / "moved", "validation")) == 6
    other = run_with(tmp_path / "other", 1, counts, image_list=trained_on)
    with pytest.raises(DataError, match="not those of the training"):
        evaluated_examples(other, stripes, "validation")


def test_other_splits_and_models_take_what_the_data_has(stripes: Path, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", 0, dict.fromkeys(CLASS_NAMES, 2))
    assert class_counts(evaluated_examples(run, stripes, "train")) == dict.fromkeys(CLASS_NAMES, 10)
    with pytest.raises(DataError, match="no validation split"):
        evaluated_examples(tmp_path / "coronet.mar", stripes, "validation")
