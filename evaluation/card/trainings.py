"""Several trainings of a model: what a figure is over all of them, and what of each evaluation that needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

OWN = "CoroNet"  # what the card's own model is called among the trainings


@dataclass(frozen=True)
class Trainings:
    """Trainings of one model, each evaluated on the same films."""

    model: str
    reports: tuple[Mapping[str, Any], ...]  # of each what `figures_of` keeps, or a whole evaluation

    @property
    def mean_of(self) -> str:
        """How a table names the row of means."""
        return f"↳ mean of {len(self.reports)} trainings"

    def have(self, group: str) -> bool:
        """Whether there are several trainings, and all have such figures."""
        return len(self.reports) > 1 and all(report.get(group) for report in self.reports)

    def over(self, *path: str | Mapping[str, Any]) -> dict[str, Any]:
        """The figure at `path` of the reports, over the trainings: see `spread`.

        A step of the path is a key; in a list it is what the entry looked for has, such as {"fact": "view",
        "value": "PA"}.
        """
        return spread([_at(report, path) for report in self.reports])


def trainings(metrics: Mapping[str, Any]) -> list[Trainings]:
    """The card's own model first, with its other trainings; then the other models in the order they were added."""
    reports: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    reports[OWN].append(metrics["test"])
    for training in metrics.get("trainings", []):
        reports[training["model"]].append(training)
    return [Trainings(model, tuple(found)) for model, found in reports.items()]


def spread(figures: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Of several figures their mean, and for an interval the lowest and the highest; a single one is as it was.

    Where one has no value, there is no mean.
    """
    known = [figure for figure in figures if figure and figure.get("value") is not None]
    if not known or len(known) < len(figures):
        return {"value": None}
    if len(known) == 1:
        return dict(known[0])
    values = [figure["value"] for figure in known]
    ends = {"low": min(values), "high": max(values)}
    return {"value": float(np.mean(values)), **ends, "successes": None, "total": known[0]["total"]}


def figures_of(found: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What of a training's evaluation (`found`) can stand beside the card's own (`own`): asked of the same films."""
    kept = {"overall": found["overall"], "per_class": found["per_class"]}
    if groups := [group for group in found.get("subgroups") or () if group.get("overall")]:
        kept["subgroups"] = [
            {
                **{name: group[name] for name in ("fact", "value", "images")},
                "overall": {"accuracy": group["overall"]["accuracy"]},
                "per_class": {name: {"sensitivity": of["sensitivity"]} for name, of in group["per_class"].items()},
            }
            for group in groups
        ]
    if found.get("paper") and own.get("paper") and _paper_sources(found) == _paper_sources(own):
        kept["paper"] = found["paper"]
    if within := (found.get("honest") or {}).get("covid_against"):
        kept["honest"] = {"covid_against": within}
    if (maps := found.get("maps")) and _measured(maps) == _measured(own.get("maps") or {}):
        names = ("hit", "overlap", "precision_recall", "inside")
        kept["maps"] = {
            part: {method: {name: of[name] for name in names} for method, of in maps[part].items()}
            for part in ("methods", "references")
        }
    if found.get("shortcuts"):
        kept["shortcuts"] = [
            {"name": probe["name"], "altered": probe["altered"], "change": {"accuracy": probe["change"]["accuracy"]}}
            for probe in found["shortcuts"]
        ]
    if abstention := found.get("abstention"):
        kept["abstention"] = {
            name: abstention[name]
            for name in ("coverage", "answered", "right", "right_of_others", "in_scope")
            if name in abstention
        }
        outside = abstention.get("outside") or []
        if _lists(outside) == _lists((own.get("abstention") or {}).get("outside") or []):
            kept["abstention"]["outside"] = outside
    return kept


def _at(report: Mapping[str, Any], path: Sequence[str | Mapping[str, Any]]) -> Any:
    """What is at the end of the path; None where a part is missing."""
    found: Any = report
    for step in path:
        if isinstance(step, str):
            found = (found or {}).get(step)
        else:
            found = next((entry for entry in found or () if step.items() <= entry.items()), None)
    return found


def _measured(maps: Mapping[str, Any]) -> list[int]:
    """How many films have maps, of those with boxes and of those with lung masks."""
    return [(maps.get(films) or {}).get("measured", 0) for films in ("films_with_boxes", "films_with_lung_masks")]


def _lists(outside: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """The lists of films outside the classes, and how many films each has."""
    return [(group["name"], group["left_out"]["total"]) for group in outside]


def _paper_sources(report: Mapping[str, Any]) -> list[str]:
    return (report.get("honest") or {}).get("paper_sources") or []
