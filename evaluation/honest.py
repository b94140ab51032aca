"""The tables that a source cannot flatter: one source alone, sources never trained on, COVID-19 against others in one.

Where each class comes from hospitals of its own, a network that tells the hospitals apart is right on the pooled films.
Within one source that gave several classes it has to tell the disease, and on a source that training never saw it has
nothing but the film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.intervals import REPLICATES, Estimate, patient_weights, share_estimate, undefined
from evaluation.metrics import Metrics, measure, patients_of_rarer_side
from evaluation.resampled import ranking_areas
from evaluation.results import ImageResult, Predictions
from evaluation.subgroups import FEWEST_OF_A_CLASS, Subgroup, facts_of
from model_src.classes import CLASS_NAMES, COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.facts import UNKNOWN

ALL_VIEWS = "all"


@dataclass(frozen=True)
class PairArea:
    """How well COVID-19 is told from another class within one source and view.

    Attributes:
        view: as in Facts, or ALL_VIEWS.
        other: the other class's name.
        covid, others: films of each.
        roc_auc: of p(COVID-19) / (p(COVID-19) + p(other)); not defined below FEWEST_OF_A_CLASS films of either.
    """

    source: str
    view: str
    other: str
    covid: int
    others: int
    roc_auc: Estimate


@dataclass(frozen=True)
class Honest:
    """What to read before the pooled figures.

    Attributes:
        paper_sources: whose films stand beside the paper's tables; empty for all.
        paper: figures of those films.
        training_sources: that the model was trained on; None where the model does not say.
        one_source: sources with more than one class, their films alone.
        unseen: sources that training never saw.
        pairs: COVID-19 against each other class within one source, by view.
    """

    paper_sources: tuple[str, ...]
    paper: Metrics
    training_sources: tuple[str, ...] | None
    one_source: list[Subgroup]
    unseen: list[Subgroup]
    pairs: list[PairArea]

    def as_json(self) -> dict[str, Any]:
        """JSON types only; of subgroups their names, as their figures are listed with the subgroups."""
        return {
            "paper_sources": list(self.paper_sources),
            "paper_images": self.paper.images,
            "training_sources": None if self.training_sources is None else list(self.training_sources),
            "one_source": [group.value for group in self.one_source],
            "unseen": [group.value for group in self.unseen],
            "covid_against": [asdict(pair) for pair in self.pairs],
        }


def honest(
    results: Sequence[ImageResult],
    groups: Sequence[Subgroup],
    pooled: Metrics,
    provenance: Mapping[str, Any],
    paper_sources: Sequence[str] = (),
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Honest:
    """The tables.

    Args:
        results: of all films.
        groups: their subgroups.
        pooled: figures of all films.
        provenance: of the model; `data.train_sources` says what it was trained on.
        paper_sources: sources to put beside the paper's tables, none for all films.

    Raises:
        DataError: one of `paper_sources` has no film.
    """
    require_sources(paper_sources, [result.source for result in results])
    chosen = [result for result in results if result.source in paper_sources]
    paper = measure(Predictions.of(chosen), replicates=replicates, seed=seed) if chosen else pooled
    counts = (provenance.get("data") or {}).get("train_sources")
    seen = tuple(sorted(counts)) if isinstance(counts, Mapping) else None
    sources = [group for group in groups if group.fact == "source" and group.value != UNKNOWN]
    one_source = [group for group in sources if not group.single_class]
    # A source that the data does not name might be any.
    unseen = [group for group in sources if group.value not in seen] if seen and UNKNOWN not in seen else []
    pairs = [pair for group in one_source for pair in _pairs(results, group.value, replicates=replicates, seed=seed)]
    return Honest(tuple(paper_sources), paper, seen, one_source, unseen, pairs)


def require_sources(wanted: Sequence[str], found: Sequence[str]) -> None:
    """Raise DataError for a source that none of the films has."""
    there = sorted({source for source in found if source})
    if missing := [source for source in wanted if source not in there]:
        raise DataError(
            f"--paper-sources: no film of {', '.join(missing)}; this split has films of "
            f"{', '.join(there) or 'no source that is named'}"
        )


def _pairs(results: Sequence[ImageResult], source: str, *, replicates: int, seed: int) -> list[PairArea]:
    """COVID-19 against Pneumonia and Healthy among the films of one source, of all views and of each."""
    own = [result for result in results if result.source == source]
    views = [ALL_VIEWS, *sorted({facts_of(result).view for result in own} - {UNKNOWN})]
    found = []
    for other in (PNEUMONIA, HEALTHY):
        for view in views:
            films = [result for result in own if result.truth in (COVID, other) and view in (ALL_VIEWS, result.view)]
            covid = sum(result.truth == COVID for result in films)
            if covid and covid < len(films):
                area = pair_area(films, other, replicates=replicates, seed=seed)
                found.append(PairArea(source, view, CLASS_NAMES[other], covid, len(films) - covid, area))
    return found


def pair_area(films: Sequence[ImageResult], other: int, *, replicates: int = REPLICATES, seed: int = 0) -> Estimate:
    """Area under ROC of COVID-19 against class `other`, on films of these two, with its interval."""
    total, covid = len(films), sum(film.truth == COVID for film in films)
    if min(covid, total - covid) < FEWEST_OF_A_CLASS:
        return undefined(total, f"fewer than {FEWEST_OF_A_CLASS} films of a class")
    p = Predictions.of(films)
    both = p.probabilities[:, COVID] + p.probabilities[:, other]
    scores = np.divide(p.probabilities[:, COVID], both, out=np.full(total, 0.5), where=both > 0)
    positive = p.truth == COVID
    value = float(ranking_areas(positive, scores, np.ones((1, total)))[0][0])
    drawn = [
        ranking_areas(positive, scores, weights)[0]
        for weights in patient_weights(p.patients, replicates=replicates, seed=seed)
    ]
    rarer = patients_of_rarer_side(p.patients, positive)
    found = share_estimate(value, np.concatenate(drawn), rarer, total)
    return undefined(total, found.note) if found.low is None else found
