"""What a card shows beside the main evaluation of its weights: other trainings, other collections, the learning curve.

They are kept in the run's metrics.json, as `trainings`, `collections` and `curve`, so that the card follows from one
folder.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_src.atomic import atomic_write
from model_src.errors import RunError
from train.runs.run_folder import RunFolder

OWN = "CoroNet"  # what the card's own model is called among the trainings


@dataclass(frozen=True)
class Trainings:
    """Trainings of one model, each evaluated on the same films."""

    model: str
    reports: tuple[Mapping[str, Any], ...]  # of each what _kept keeps, or a whole evaluation

    def have(self, group: str) -> bool:
        """Whether there are several trainings, and all have such figures."""
        return len(self.reports) > 1 and all(report.get(group) for report in self.reports)

    def sources(self) -> dict[str, Trainings]:
        """By source, where there are several trainings."""
        if not self.have("subgroups"):
            return {}
        groups = [{group["value"]: group for group in _of_sources(report)} for report in self.reports]
        common = [source for source in groups[0] if all(source in each for each in groups)]
        return {source: Trainings(self.model, tuple(each[source] for each in groups)) for source in common}

    def over(self, group: str, *names: str | int) -> dict[str, Any]:
        """A figure's mean; for its interval the lowest and highest, or of a single training the 95% interval."""
        found = []
        for report in self.reports:
            figure = report[group]
            for name in names:
                figure = figure[name]
            found.append(figure)
        if len(found) == 1:
            return dict(found[0])
        values = [figure["value"] for figure in found if figure["value"] is not None]
        if len(values) < len(found):
            return {"value": None}
        ends = {"low": min(values), "high": max(values)}
        return {"value": float(np.mean(values)), **ends, "successes": None, "total": found[0]["total"]}


def trainings(metrics: Mapping[str, Any]) -> list[Trainings]:
    """The card's own model first, with its other trainings; then the other models in the order they were added."""
    reports: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    reports[OWN].append(metrics["test"])
    for training in metrics.get("trainings", []):
        reports[training["model"]].append(training)
    return [Trainings(model, tuple(found)) for model, found in reports.items()]


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
    kept = {"model": model, "sha256": found["model"].get("sha256"), **_kept(found, own)}
    others = [each for each in metrics.get("trainings", []) if each["sha256"] != kept["sha256"]]
    _write(run, metrics | {"trainings": [*others, kept]})


def add_collection(folder: Path, name: str, report_dir: Path) -> None:
    """Keep the figures of the folder's weights on the films of another collection; a later report replaces an earlier.

    Raises:
        RunError: the report has no evaluation, or one of other weights.
    """
    run = RunFolder(folder)
    metrics = run.read_metrics()
    found = _read(report_dir / "metrics.json", "need a folder written by coronet evaluate")
    if not {"images", "patients", "overall", "per_class", "model"} <= found.keys():
        raise RunError(f"{report_dir}: has no evaluation; need a folder written by coronet evaluate")
    if found["model"].get("sha256") != (metrics.get("test") or {}).get("model", {}).get("sha256"):
        raise RunError(f"{report_dir}: is of other weights than the evaluation in {folder}; evaluate these")
    kept = {
        "name": name,
        "images": found["images"],
        "patients": found["patients"],
        "accuracy": found["overall"]["accuracy"],
        "sensitivity": {label: figures["sensitivity"] for label, figures in found["per_class"].items()},
    }
    others = [each for each in metrics.get("collections", []) if each["name"] != name]
    _write(run, metrics | {"collections": [*others, kept]})


def _kept(found: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What of a training's evaluation the card can set beside its own figures."""
    kept = {"overall": found["overall"], "per_class": found["per_class"]}
    if sources := _of_sources(found):
        kept["subgroups"] = [
            {
                **{name: group[name] for name in ("fact", "value", "images")},
                "overall": {"accuracy": group["overall"]["accuracy"]},
                "per_class": {name: {"sensitivity": of["sensitivity"]} for name, of in group["per_class"].items()},
            }
            for group in sources
        ]
    if found.get("paper") and own.get("paper") and _paper_sources(found) == _paper_sources(own):
        kept["paper"] = found["paper"]
    if within := (found.get("honest") or {}).get("covid_against"):
        kept["honest"] = {"covid_against": within}
    return kept


def _of_sources(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The subgroups of a report that are a source's, and large enough to have figures."""
    return [group for group in report.get("subgroups") or () if group["fact"] == "source" and group.get("overall")]


def _paper_sources(report: Mapping[str, Any]) -> list[str]:
    return (report.get("honest") or {}).get("paper_sources") or []


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
            | {name: _mean(draws, name) for name in ("covid_sensitivity", "balanced_accuracy")}
            for (model, films), draws in sorted(points.items(), key=lambda point: (point[0][1], point[0][0]))
        ]
        kept = {"command": found["command"], "part": part, "rows": rows, "picture": picture, "remarks": list(remarks)}
    except (KeyError, TypeError) as error:
        raise RunError(f"{curve}: no learning curve ({error}); need a file of benchmarks.learning_curve") from None
    _write(run, run.read_metrics() | {"curve": kept})


def _mean(draws: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Of several draws their range; a single one keeps the interval that it has."""
    if len(draws) == 1:
        return dict(draws[0][name])
    values = [draw[name]["value"] for draw in draws]
    return {
        "value": float(np.mean(values)),
        "low": min(values),
        "high": max(values),
        "successes": None,
        "total": draws[0][name]["total"],
    }


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
