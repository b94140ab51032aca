"""Films that the model cannot be asked about: are they told from those that it can?

They come from folders or lists of paths (--outside), and from the same generator as those that the gate has learnt
from, with other random numbers: turned and inverted films of the evaluated split, and pictures of no chest at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from evaluation.abstention.judged import JudgedClassifier
from evaluation.intervals import Estimate, clustered_rate, patient_weights, share_estimate, undefined
from evaluation.metrics import patients_of_rarer_side
from evaluation.predictions import decode_stream
from evaluation.resampled import ranking_areas
from model_src.calibration.judgement import InScope
from train.calibration.not_chests import ALTERED, GENERATED, generate
from train.data.examples import Example

ALTERED_FILMS = 20  # of the split, each altered in every way
GENERATED_EACH = 14
_FIRST_SEED = 1_000_000  # the gate has learnt from seeds that start at 0
_REPLICATES = 500
NO_CHEST_NAME = "no frontal chest film (generated)"

Scoped = tuple[InScope, str]  # a film's scope, and whose film it is


@dataclass(frozen=True)
class OutsideGroup:
    """One folder or list: how well its films are told from the split's.

    Attributes:
        name: of the folder or list.
        area: ROC area of the scope score, its films against those of the split.
        left_out: its films that are found out of scope.
        unreadable: its files that cannot be read.
    """

    name: str
    area: Estimate
    left_out: Estimate
    unreadable: int = 0

    def as_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return asdict(self)


def outside_groups(
    classifier: JudgedClassifier,
    inside: Sequence[Scoped],
    listed: Sequence[tuple[str, Sequence[Example]]],
    split: Sequence[Example],
) -> list[OutsideGroup]:
    """A group for each list of files, all lists together where there are several, and the generated ones.

    Args:
        classifier: judges every picture.
        inside: the split's films.
        listed: name and films of each list.
        split: films to alter.
    """
    groups, everything = [], []
    for name, films in listed:
        scopes, unreadable = _of_files(classifier, films)
        groups.append(_group(name, inside, scopes, unreadable))
        everything += scopes
    if len(listed) > 1:
        groups.append(_group("all of these", inside, everything, 0))
    made = [
        scoped
        for picture, patient in _made(split, classifier.image_size)
        for scoped in _judge(classifier, picture, patient)
    ]
    return [*groups, _group(NO_CHEST_NAME, inside, made, 0)]


def _of_files(classifier: JudgedClassifier, films: Sequence[Example]) -> tuple[list[Scoped], int]:
    """Of readable files, and how many are not."""
    scopes, unreadable = [], 0
    for film, outcome in decode_stream(films, classifier.image_size):
        if isinstance(outcome, str):
            unreadable += 1
        else:
            scopes += _judge(classifier, outcome.tensor[0].numpy(), film.patient)
    return scopes, unreadable


def _made(split: Sequence[Example], size: int) -> Iterator[tuple[np.ndarray, str]]:
    """Altered films with their patients, and generated pictures each with a name of its own, float32 (S, S)."""
    chosen = [split[index] for index in np.linspace(0, len(split) - 1, min(ALTERED_FILMS, len(split))).astype(int)]
    for example, outcome in decode_stream(chosen, size):
        if not isinstance(outcome, str):
            film = outcome.tensor[0].numpy()
            yield from ((np.ascontiguousarray(alter(film)), example.patient) for _, alter in ALTERED.values())
    for name in GENERATED:
        for number in range(GENERATED_EACH):
            yield generate(name, _FIRST_SEED + number, size), f"{name} {number}"


def _judge(classifier: JudgedClassifier, picture: np.ndarray, patient: str) -> list[Scoped]:
    before = len(classifier.scopes)
    classifier.classify(torch.from_numpy(picture)[None, None])
    return [(scope, patient) for scope in classifier.scopes[before:] if scope is not None]


def _group(name: str, inside: Sequence[Scoped], outside: Sequence[Scoped], unreadable: int) -> OutsideGroup:
    told = np.array([not scope.value for scope, _ in outside], bool)
    left_out = clustered_rate(told, [patient for _, patient in outside], "no readable image")
    return OutsideGroup(name, scope_area(inside, outside), left_out, unreadable)


def scope_area(inside: Sequence[Scoped], outside: Sequence[Scoped], seed: int = 0) -> Estimate:
    """ROC area of the score, `outside` against `inside`, with its interval from resampled patients."""
    total = len(inside) + len(outside)
    if not inside or not outside:
        return undefined(total, "no readable image")
    scores = np.array([scope.score for scope, _ in (*inside, *outside)])
    patients = [patient for _, patient in (*inside, *outside)]
    away = np.arange(total) >= len(inside)
    value = float(ranking_areas(away, scores, np.ones((1, total)))[0][0])
    drawn = [
        ranking_areas(away, scores, weights)[0]
        for weights in patient_weights(patients, replicates=_REPLICATES, seed=seed)
    ]
    return share_estimate(value, np.concatenate(drawn), patients_of_rarer_side(patients, away), total)
