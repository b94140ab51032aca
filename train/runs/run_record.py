"""run.json: what a training was, in types."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from model_src.errors import RunError
from train.device import Compute
from train.recipe import CinRecipe, FpaeRecipe, Recipe

FORMAT_VERSION = 1

# What decides the result: a resumed run must have it in common with the run that was begun.
_DECISIVE = ("model", "recipe", "seed", "data", "image_list", "autoencoders", "precision")

# Settings that recipes have had only for a while -> their value where a run was trained before.
_LATER_SETTINGS = {
    "calibrate": False, "sampling": "none", "films_per_epoch": 0, "network": "resnet18", "third_map": "both",
}  # fmt: skip

Counts = dict[str, int]  # class name -> images


class _Record(BaseModel):
    """Facts that later versions add are kept, though this one does not know them."""

    model_config = ConfigDict(frozen=True, extra="allow")


class DataSummary(_Record):
    """The data of a training, before any image is decoded; all empty for imported weights."""

    name: str | None = None  # of the folder or file
    kind: str | None = None  # "phantoms" or "x-rays"
    counts: dict[str, Counts] | None = None  # per split
    patients: Counts | None = None  # per split
    train: Counts | None = None
    validation: Counts | None = None
    left_out_patient_in_test: int | None = None
    class_names: list[str] | None = None
    train_sources: dict[str, Counts] | None = None  # source -> class name -> training images
    not_covid: Counts | None = None  # source -> training images only known not to be COVID-19
    not_covid_list: str | None = None  # digest of which these are
    reads: dict[str, Any] | None = None  # what radiologists' reads changed (train/data/reads.py)


class DecodedImages(_Record):
    """How many images could be read, and which could not: path below their folder -> reason."""

    train: Counts
    validation: Counts
    skipped: dict[str, str]


class RunRecord(_Record):
    """The contents of run.json. What is None is not known of the run, and not written."""

    format_version: int = FORMAT_VERSION
    id: str = Field(default_factory=lambda: uuid.uuid4().hex[:12])
    model: str  # "coronet" or a baseline
    recipe: Recipe
    seed: int
    data: DataSummary
    image_list: str | None = None  # digest of which images train and validate
    trained_on: str  # "phantoms", "x-rays", or "unknown" for imported weights
    cin_trained: bool
    autoencoders: str | None = None  # where they come from
    precision: str | None = None  # "float32" or "bfloat16"
    device: str | None = None
    torch: str | None = None  # version
    decoded: DecodedImages | None = None
    classifier_start: str | None = None  # the starting weights as they really were

    @field_validator("recipe", mode="before")
    @classmethod
    def _of_this_version(cls, recipe: Any) -> Any:
        """A recipe of an older version: settings given up since are dropped, later ones were off."""
        if not isinstance(recipe, dict) or not all(isinstance(recipe.get(part), dict) for part in ("fpae", "cin")):
            return recipe
        fpae = {name: value for name, value in recipe["fpae"].items() if name in FpaeRecipe.model_fields}
        cin = {name: value for name, value in recipe["cin"].items() if name in CinRecipe.model_fields}
        return recipe | {"fpae": fpae, "cin": _LATER_SETTINGS | cin}

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, as it goes into run.json."""
        return self.model_dump(exclude_none=True)

    def changed(self, **facts: Any) -> RunRecord:
        """A copy with facts replaced."""
        return self.model_copy(update=facts)


def read_record(path: Path) -> RunRecord:
    """The record in a run.json.

    Raises:
        RunError: missing, unreadable, of another format version, or without what a run has.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"{path}: not found; need a run folder made by: coronet train DATA_DIR --out RUN_DIR") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); restore it or train again") from error
    version = facts.get("format_version") if isinstance(facts, dict) else None
    if version != FORMAT_VERSION:
        raise RunError(f"{path}: found format version {version}, need {FORMAT_VERSION}; train again with this version")
    try:
        return RunRecord.model_validate(facts)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise RunError(f"{path}: {where}: {fault['msg']}; restore the file or train again") from error


def describe_run(
    recipe: Recipe, model: str, seed: int, compute: Compute, tfen_run: Path | None, data: DataSummary, images: str
) -> RunRecord:
    """The record of a training that begins; `images` is what `train.data.split.image_list` gives."""
    return RunRecord(
        model=model,
        recipe=recipe,
        seed=seed,
        data=data,
        image_list=images,
        trained_on=data.kind or "unknown",
        cin_trained=True,
        autoencoders=f"run {tfen_run.resolve().name}" if tfen_run else "trained here",
        precision="bfloat16" if compute.bfloat16 else "float32",
        device=compute.device.type,
        torch=torch.__version__,
    )


def check_same_training(where: Path, begun: RunRecord, now: RunRecord) -> list[str]:
    """Whether a run that was begun can go on as what is asked for now.

    Returns:
        What has changed that moves rounding alone, one line each.

    Raises:
        RunError: it is another training.
    """
    for name in _DECISIVE:
        before, after = getattr(begun, name), getattr(now, name)
        if name == "data":  # a run of an older version knew less of its data
            before = before.model_dump(exclude_none=True)
            after = {fact: value for fact, value in after.model_dump().items() if fact in before}
        if before is not None and before != after:
            values = f" ({before}, now {after})" if isinstance(after, str | int) else ""
            raise RunError(
                f"{where}: was begun with another {name}{values}; --resume needs the command it was begun with, "
                "another training needs another --out"
            )
    return [
        f"begun with {name} {getattr(begun, name)}, resumed with {getattr(now, name)}: the result is not that of an "
        "uninterrupted run to the last bit"
        for name in ("device", "torch")
        if getattr(begun, name) not in (None, getattr(now, name))
    ]
