"""Coverage of prediction sets, and what is left when a model may say that it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.intervals import Estimate, clustered_rate
from evaluation.results import ImageResult
from model_src.calibration.judgement import InScope, Judgement
from model_src.classes import CLASS_NAMES

ANSWERING_LEVEL = "90"  # one class in this set is an answer (client/answer_words.py)
FEWEST_OF_A_GROUP = 5  # films of a class in a source: fewer are left out of its table

Judged = tuple[ImageResult, Judgement]


@dataclass(frozen=True)
class Coverage:
    """Of films of one class (and source), how many have it in their set.

    Attributes:
        source: "" for all sources.
        within: level -> films whose set holds their class.
    """

    name: str
    source: str
    within: dict[str, Estimate]


@dataclass(frozen=True)
class Abstention:
    """Counts on one split.

    Attributes:
        coverage: of each class, then of each class in each source.
        sizes: level -> number of classes in the set -> films.
        answered: films in scope whose 90% set is one class, the most probable one.
        right: of these, those that are told rightly.
        right_of_others: of the films without an answer, those whose most probable class is right.
        in_scope: source ("" for all) -> films in scope.
        always: level -> classes that every set holds.
    """

    coverage: list[Coverage]
    sizes: dict[str, dict[int, int]]
    answered: Estimate
    right: Estimate
    right_of_others: Estimate
    in_scope: dict[str, Estimate]
    always: dict[str, list[str]]

    def as_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return asdict(self)


def abstention_figures(judged: Sequence[Judged], always: dict[str, list[str]]) -> Abstention:
    """The figures of judged films, at least one."""
    levels = list(judged[0][1].sets)
    sources = sorted({result.source for result, _ in judged})
    coverage = [_coverage(judged, label, "") for label in range(len(CLASS_NAMES))]
    if len(sources) > 1:
        for source in sources:
            of_source = [each for each in judged if each[0].source == source]
            counts = Counter(result.truth for result, _ in of_source)
            coverage += [
                _coverage(of_source, label, source)
                for label in range(len(CLASS_NAMES))
                if counts[label] >= FEWEST_OF_A_GROUP
            ]
    answered = [each for each in judged if is_answer(*each)]
    others = [each for each in judged if not is_answer(*each)]
    scoped = [(result, judgement.in_scope) for result, judgement in judged if judgement.in_scope is not None]
    return Abstention(
        coverage=coverage,
        sizes={
            level: {
                size: sum(len(judgement.sets[level]) == size for _, judgement in judged)
                for size in range(len(CLASS_NAMES) + 1)
            }
            for level in levels
        },
        answered=_share(judged, lambda each: is_answer(*each)),
        right=_share(answered, lambda each: each[0].correct),
        right_of_others=_share(others, lambda each: each[0].correct),
        in_scope=_in_scope(scoped, sources),
        always=always,
    )


def is_answer(result: ImageResult, judgement: Judgement) -> bool:
    """Whether a client would show this as an answer: in scope, and one class left, the most probable one."""
    in_scope = judgement.in_scope is None or judgement.in_scope.value
    return in_scope and judgement.sets[ANSWERING_LEVEL] == (result.predicted,)


def _coverage(judged: Iterable[Judged], label: int, source: str) -> Coverage:
    of_class = [each for each in judged if each[0].truth == label]
    levels = list(of_class[0][1].sets) if of_class else []
    return Coverage(CLASS_NAMES[label], source, {level: _held(of_class, label, level) for level in levels})


def _held(judged: Sequence[Judged], label: int, level: str) -> Estimate:
    return _share(judged, lambda each: label in each[1].sets[level])


def _in_scope(scoped: Sequence[tuple[ImageResult, InScope]], sources: Sequence[str]) -> dict[str, Estimate]:
    if not scoped:
        return {}
    found = {"": _share(scoped, lambda each: each[1].value)}
    for source in sources if len(sources) > 1 else []:
        found[source] = _share([each for each in scoped if each[0].source == source], lambda each: each[1].value)
    return found


def _share(items: Sequence[Any], holds: Callable[[Any], bool]) -> Estimate:
    """The share of pairs of a film's result and its judgement for which `holds`."""
    return clustered_rate(np.array([holds(each) for each in items], bool), [result.patient for result, _ in items])
