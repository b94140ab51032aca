"""What run.json says of a training, and whether --resume goes on with the same one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from model_src.classes import CLASS_NAMES
from model_src.errors import RunError
from train.data.data_dir import class_counts, describe_data
from train.data.image_cache import ImageCache
from train.data.split import TrainingData
from train.device import Compute
from train.recipe import Recipe
from train.runs.run_folder import RunFolder

# What decides the result: a resumed run must have it in common with the run that was begun.
_DECISIVE = ("model", "recipe", "seed", "data", "image_list", "autoencoders", "precision")


def describe_run(
    recipe: Recipe, model: str, seed: int, compute: Compute, tfen_run: Path | None, data: dict[str, Any], images: str
) -> dict[str, Any]:
    """JSON-ready settings of a training; `data` is what `describe_training_data` gives, `images` `image_list`."""
    return {
        "model": model,
        "recipe": recipe.as_dict(),
        "seed": seed,
        "data": data,
        "image_list": images,
        "trained_on": data["kind"],
        "cin_trained": True,
        "autoencoders": f"run {tfen_run.resolve().name}" if tfen_run else "trained here",
        "precision": "bfloat16" if compute.bfloat16 else "float32",
        "device": compute.device.type,
        "torch": torch.__version__,
    }


def describe_training_data(data_dir: Path, roots: Sequence[Path], data: TrainingData) -> dict[str, Any]:
    """What run.json says of the data, before any image is decoded."""
    return {
        **describe_data(data_dir, roots),
        "train": class_counts(data.train),
        "validation": class_counts(data.validation),
        "left_out_patient_in_test": len(data.left_out),
        "class_names": list(CLASS_NAMES),
    }


def image_folders(data_dir: Path, roots: Sequence[Path]) -> list[Path]:
    """The folders that hold the images of a data directory or label file, to name images without where they lie."""
    return [data_dir if data_dir.is_dir() else data_dir.parent, *roots]


def check_resumed(run: RunFolder, settings: dict[str, Any], console: Console) -> None:
    """Raise RunError unless the run was begun with `settings`; what moves rounding alone is said on `console`."""
    begun = run.settings()
    for name in _DECISIVE:
        before, now = _plain(begun.get(name, settings[name])), _plain(settings[name])
        if before != now:
            values = f" ({before}, now {now})" if isinstance(now, str | int) else ""
            raise RunError(
                f"{run.path}: was begun with another {name}{values}; --resume needs the command it was begun with, "
                "another training needs another --out"
            )
    for name in ("device", "torch"):
        if (before := begun.get(name, settings[name])) != settings[name]:
            console.print(
                f"begun with {name} {before}, resumed with {settings[name]}: the result is not that of an "
                "uninterrupted run to the last bit",
                markup=False, soft_wrap=True,
            )  # fmt: skip


def record_decoded(run: RunFolder, train: ImageCache, validation: ImageCache, folders: Sequence[Path]) -> None:
    """Add to run.json how many images could be read and which could not, named relative to `folders`.

    Raises:
        RunError: the run has begun with other images.
    """
    settings = run.settings()
    decoded: dict[str, dict[str, Any]] = {
        "train": class_counts(train.examples),
        "validation": class_counts(validation.examples),
        "skipped": {_relative(path, folders): reason for path, reason in [*train.skipped, *validation.skipped]},
    }
    before = settings.get("decoded", decoded)
    if run.begun and (changed := sorted(before["skipped"].keys() ^ decoded["skipped"].keys())):
        raise RunError(
            f"{run.path}: was begun without {len(before['skipped'])} unreadable images, now there are "
            f"{len(decoded['skipped'])} (changed: {', '.join(changed[:3])}); put them back as they were, "
            "or train again with another --out"
        )
    run.write_json("run.json", settings | {"decoded": decoded})


def _relative(path: Path, folders: Sequence[Path]) -> str:
    """`path` below the first of `folders` that holds it, else its name: run.json travels with a model."""
    folder = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
    return path.relative_to(folder).as_posix()


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON gives them back."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
