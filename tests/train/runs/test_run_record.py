"""run.json is read once into types, whatever version of the recipes wrote it, and written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_src.errors import RunError
from train.recipe import load_recipe
from train.runs.run_record import DataSummary, RunRecord, check_same_training, read_record

PRETRAINED = Path(__file__).parents[3] / "archive" / "pretrained" / "run.json"


def record(**facts: Any) -> RunRecord:
    """A record with nothing but what every run has."""
    needed = {"model": "coronet", "recipe": load_recipe("quick"), "seed": 0, "data": DataSummary()}
    return RunRecord(**needed | {"trained_on": "x-rays", "cin_trained": True} | facts)


def test_the_published_run_is_read_and_written_as_it_is() -> None:
    facts, found = json.loads(PRETRAINED.read_text()), read_record(PRETRAINED).as_dict()
    recipe, read = facts.pop("recipe"), found.pop("recipe")
    assert found == facts
    for stage in ("fpae", "cin"):  # settings may have come and gone since
        shared = recipe[stage].keys() & read[stage].keys()
        assert {name: read[stage][name] for name in shared} == {name: recipe[stage][name] for name in shared}


def test_a_run_of_an_older_version_had_what_was_the_only_way_then(tmp_path: Path) -> None:
    facts = record().as_dict()
    for later in ("network", "third_map", "calibrate", "sampling", "films_per_epoch"):
        del facts["recipe"]["cin"][later]
    del facts["id"]
    facts["recipe"]["cin"] |= {"erase": 0.2, "teacher": "efficientnet_lite2"}  # ideas that were given up
    (tmp_path / "run.json").write_text(json.dumps(facts))
    assert read_record(tmp_path / "run.json").recipe == load_recipe("quick")


def test_facts_of_a_later_version_are_kept(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(record().as_dict() | {"node": "a"}))
    assert read_record(tmp_path / "run.json").changed(seed=3).as_dict()["node"] == "a"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "found format version 2, need 1"),
        ({"recipe": {"name": "quick"}}, r"recipe\.image_size: Field required; restore the file or train again"),
        ({"cin_trained": None}, "cin_trained: Input should be a valid boolean"),
    ],
)
def test_a_damaged_record_names_what_is_wrong(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(record().as_dict() | change))
    with pytest.raises(RunError, match=rf"run\.json: {said}"):
        read_record(tmp_path / "run.json")


def test_what_decides_the_result_must_be_as_it_was_begun() -> None:
    begun = record(precision="float32", torch="1.0", device="cpu")
    assert check_same_training(Path("run"), begun, begun) == []
    (moved,) = check_same_training(Path("run"), begun, begun.changed(torch="2.0"))
    assert moved.startswith("begun with torch 1.0, resumed with 2.0")
    older = begun.changed(image_list=None)  # older runs do not say
    assert check_same_training(Path("run"), older, older.changed(image_list="x")) == []
    for change in ({"seed": 1}, {"precision": "bfloat16"}, {"recipe": load_recipe("paper")}, {"model": "resnet18"}):
        name = next(iter(change))
        with pytest.raises(RunError, match=f"begun with another {name}"):
            check_same_training(Path("run"), begun, begun.changed(**change))


def test_a_file_in_place_of_a_run_folder_is_told_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(RunError, match=r"not found; need a run folder made by"):
        read_record(tmp_path / "weights.pt" / "run.json")
