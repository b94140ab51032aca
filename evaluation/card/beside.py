"""What a card shows beside the main evaluation of its weights: other trainings, other collections, the learning curve.

They are kept in the run's metrics.json, as `trainings`, `collections` and `curve`, so that the card follows from one
folder.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.card.trainings import OWN, Trainings, figures_of, spread
from model_src.atomic import atomic_write
from model_src.errors import RunError
from train.runs.run_folder import RunFolder


def add_training(folder: Path, model: str, report_dir: Path) -> None:
    """Keep the figures of another training's evaluation, on the films that the folder's own was evaluated on.

    Raises:
        RunError: the folder or the report has no evaluation, they are of other films, or of the same weights.
    """
    run = RunFolder(folder)
    metrics = run.read_metrics()
    found = _read(report_dir / "metrics.json", "need a folder written by coronet evaluate")
    own = metrics.get("test")
    if not isinstance(own, Mapping) or not {"images", "patients", "overall", "per_class"} <= found.keys():
        raise RunError(f"{report_dir} or {folder}: has no evaluation; need both, on the same films")
    counts = [(part["images"], part["patients"]) for part in (found, own)]
    if counts[0] != counts[1]:
        raise RunError(
            f"{report_dir}: found {counts[0][0]} films of {counts[0][1]} patients, need the {counts[1][0]} of "
            f"{counts[1][1]} that {folder} was evaluated on"
        )
    if found["model"].get("sha256") == own["model"].get("sha256"):
        raise RunError(f"{report_dir}: is of the weights in {folder} themselves; need another training's")
    kept = {"model": model, "sha256": found["model"].get("sha256"), **figures_of(found, own)}
    others = [each for each in metrics.get("trainings", []) if each["sha256"] != kept["sha256"]]
    _write(run, metrics | {"trainings": [*others, kept]})


def collections(metrics: Mapping[str, Any]) -> dict[str, Trainings]:
    """By collection what the card's own weights say of its films, then what the model's other trainings do."""
    own, *others = _weights_of(metrics)
    kept = metrics.get("collections", [])
    shipped = {found["name"]: found for found in kept if found["sha256"] == own}
    return {
        name: Trainings(OWN, (of_own, *(each for each in kept if each["name"] == name and each["sha256"] in others)))
        for name, of_own in shipped.items()
    }


def add_collection(folder: Path, name: str, report_dir: Path) -> None:
    """Keep what the folder's weights, and then other trainings of them, say of the films of another collection.

    A later report replaces an earlier. One of the folder's own weights on other films replaces all of that name.

    Raises:
        RunError: the report has no evaluation, one of weights that `folder` does not know, or one of other films than
            the folder's own weights were evaluated on under this name.
    """
    run = RunFolder(folder)
    metrics = run.read_metrics()
    found = _read(report_dir / "metrics.json", "need a folder written by coronet evaluate")
    if not {"images", "patients", "overall", "per_class", "model"} <= found.keys():
        raise RunError(f"{report_dir}: has no evaluation; need a folder written by coronet evaluate")
    own, *others = _weights_of(metrics)
    kept = {
        "name": name,
        "sha256": found["model"].get("sha256"),
        "images": found["images"],
        "patients": found["patients"],
        "accuracy": found["overall"]["accuracy"],
        "sensitivity": {label: figures["sensitivity"] for label, figures in found["per_class"].items()},
    }
    if kept["sha256"] not in (own, *others):
        raise RunError(
            f"{report_dir}: is of other weights than the evaluations in {folder}; evaluate these, or add the training "
            f"first, with --training {OWN}=REPORT_DIR"
        )
    before = [each for each in metrics.get("collections", []) if each["name"] == name]
    if kept["sha256"] == own:
        stay = [each for each in before if _films(each) == _films(kept) and each["sha256"] != own]
    else:
        shipped = next((each for each in before if each["sha256"] == own), None)
        if not shipped:
            raise RunError(f"{report_dir}: is of another training; add a report of {folder} itself as {name!r} first")
        if _films(shipped) != _films(kept):
            raise RunError(
                f"{report_dir}: found {kept['images']} films of {kept['patients']} patients, need the "
                f"{shipped['images']} of {shipped['patients']} that {folder} was evaluated on as {name!r}"
            )
        stay = [each for each in before if each["sha256"] != kept["sha256"]]
    elsewhere = [each for each in metrics.get("collections", []) if each["name"] != name]
    _write(run, metrics | {"collections": [*elsewhere, *stay, kept]})


def _weights_of(metrics: Mapping[str, Any]) -> list[Mapping[str, str] | None]:
    """Weights file -> SHA-256, of the evaluation that the folder has and of the model's other trainings."""
    trained = [each["sha256"] for each in metrics.get("trainings", []) if each["model"] == OWN]
    return [(metrics.get("test") or {}).get("model", {}).get("sha256"), *trained]


def _films(kept: Mapping[str, Any]) -> tuple[int, int]:
    """How many films of how many patients."""
    return kept["images"], kept["patients"]


def add_curve(folder: Path, curve: Path, remarks: Sequence[str], picture: str | None = None) -> None:
    """Keep what `benchmarks.learning_curve` wrote: the mean of each point's draws, the lowest and the highest.

    A single draw keeps its own interval.
    `picture` is its plot, as the card links to it.

    Raises:
        RunError: not such a file.
    """
    run = RunFolder(folder)
    found = _read(curve, "need a file written by benchmarks.learning_curve")
    try:
        part = "test" if all("test" in row for row in found["rows"]) else "validation"
        points: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
        for row in found["rows"]:
            points[row["model"], row["films"]].append(row[part])
        rows = [
            {"model": model, "films": films, "draws": len(draws)}
            | {name: spread([draw[name] for draw in draws]) for name in ("covid_sensitivity", "balanced_accuracy")}
            for (model, films), draws in sorted(points.items(), key=lambda point: (point[0][1], point[0][0]))
        ]
        kept = {"command": found["command"], "part": part, "rows": rows, "picture": picture, "remarks": list(remarks)}
    except (KeyError, TypeError) as error:
        raise RunError(f"{curve}: no learning curve ({error}); need a file of benchmarks.learning_curve") from None
    _write(run, run.read_metrics() | {"curve": kept})


def _read(path: Path, need: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}); {need}") from None
    if not isinstance(found, dict):
        raise RunError(f"{path}: holds no figures; {need}")
    return found


def _write(run: RunFolder, metrics: Mapping[str, Any]) -> None:
    with atomic_write(run.path / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
