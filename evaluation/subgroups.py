"""Every figure by source, view, sex and age band.

Below FEWEST films a subgroup is listed with its count and no figure. From there on a figure is given with its interval
or not at all: one whose interval these films do not give is left out, with the reason. Areas and F1 of a class of fewer
than FEWEST_OF_A_CLASS films are left out too: resampled, so few films say too little of how sure such a figure is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from evaluation.intervals import REPLICATES, Estimate, undefined
from evaluation.metrics import Metrics, measure
from evaluation.results import ImageResult, Predictions
from model_src.classes import CLASS_NAMES
from train.data.facts import AGE_BANDS, SEXES, UNKNOWN, VIEWS, Facts

FEWEST = 10  # films
FEWEST_OF_A_CLASS = 5
FACTS = ("source", "view", "sex", "age")
_ORDER = {"view": VIEWS, "sex": SEXES, "age": AGE_BANDS}


@dataclass(frozen=True)
class Subgroup:
    """The films of one source, view, sex or age band.

    Attributes:
        fact: what they have in common, one of FACTS.
        value: which.
        classes: class name -> films.
        metrics: figures of these films; None where there are fewer than FEWEST.
    """

    fact: str
    value: str
    images: int
    patients: int
    classes: dict[str, int]
    metrics: Metrics | None

    @property
    def single_class(self) -> str | None:
        """The one class that all films are of, if so: then telling the subgroup is telling the class."""
        present = [name for name, count in self.classes.items() if count]
        return present[0] if len(present) == 1 else None

    @property
    def remark(self) -> str:
        """What a reader has to know of its figures, "" if nothing."""
        if self.metrics is None:
            return f"fewer than {FEWEST} films: no figure"
        if self.single_class and self.fact == "source" and self.value != UNKNOWN:
            return f"only {self.single_class} comes from here: telling the source is enough"
        return f"only {self.single_class}" if self.single_class else ""

    def as_json(self) -> dict[str, Any]:
        """JSON types only."""
        found = {name: value for name, value in asdict(replace(self, metrics=None)).items() if name != "metrics"}
        figures = self.metrics.as_json() if self.metrics else {}
        return {
            **found,
            "single_class": self.single_class,
            "remark": self.remark,
            "overall": figures.get("overall"),
            "per_class": figures.get("per_class"),
        }


def facts_of(result: ImageResult) -> Facts:
    """The groups of an evaluated film."""
    return Facts(result.source or UNKNOWN, result.view, result.sex, result.age)


def subgroups(results: Sequence[ImageResult], *, replicates: int = REPLICATES, seed: int = 0) -> list[Subgroup]:
    """Subgroups fact by fact, by VIEWS, SEXES and AGE_BANDS, sources by name; no fact of which nothing is known."""
    found = []
    for fact in FACTS:
        members: dict[str, list[ImageResult]] = {}
        for result in results:
            members.setdefault(getattr(facts_of(result), fact), []).append(result)
        if set(members) == {UNKNOWN}:
            continue
        known = _ORDER.get(fact, (*sorted(members.keys() - {UNKNOWN}), UNKNOWN))
        found += [
            subgroup(fact, value, members[value], replicates=replicates, seed=seed)
            for value in known
            if value in members
        ]
    return found


def subgroup(fact: str, value: str, results: Sequence[ImageResult], *, replicates: int, seed: int) -> Subgroup:
    """The figures of some films."""
    metrics = None
    if len(results) >= FEWEST:
        metrics = _with_intervals(measure(Predictions.of(results), replicates=replicates, seed=seed))
    return Subgroup(
        fact,
        value,
        len(results),
        len({result.patient for result in results}),
        {name: sum(result.truth == label for result in results) for label, name in enumerate(CLASS_NAMES)},
        metrics,
    )


def _with_intervals(metrics: Metrics) -> Metrics:
    """The metrics less every figure that these films do not say how sure it is."""
    counts = {name: sum(row) for name, row in zip(CLASS_NAMES, metrics.confusion, strict=True)}
    few = {name for name, count in counts.items() if count < FEWEST_OF_A_CLASS}
    overall = {
        name: _certain(estimate, few if name.endswith("_macro") else set())
        for name, estimate in metrics.overall.items()
    }
    return replace(
        metrics,
        overall=overall,
        per_class={
            name: {figure: _certain(estimate, few & {name}) for figure, estimate in figures.items()}
            for name, figures in metrics.per_class.items()
        },
    )


def _certain(estimate: Estimate, few: set[str]) -> Estimate:
    """The estimate, or why it is none: it has no interval, or rests by resampling on the few films of a class."""
    if estimate.value is None:
        return estimate
    if few and estimate.interval == "bootstrap":
        return undefined(estimate.total, f"fewer than {FEWEST_OF_A_CLASS} {' or '.join(sorted(few))} films")
    if estimate.low is None:
        return undefined(estimate.total, estimate.note or "no interval")
    return estimate
