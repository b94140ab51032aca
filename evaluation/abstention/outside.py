"""Films that the model cannot be asked about: are they told from those that it can?

They come from folders or lists of paths (--outside), and from the same generator as those that the gate has learnt
from, with other random numbers: turned and inverted films of the evaluated split, and pictures of no chest at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from evaluation.abstention.judged import JudgedClassifier
from evaluation.intervals import Estimate, rate, share_estimate
from evaluation.predictions import decode_stream
from model_src.calibration.judgement import InScope
from train.calibration.not_chests import ALTERED, GENERATED, generate
from train.data.examples import Example

ALTERED_FILMS = 20  # of the split, each altered in every way
GENERATED_EACH = 14
_FIRST_SEED = 1_000_000  # the gate has learnt from seeds that start at 0
_REPLICATES = 500
NO_CHEST_NAME = "no frontal chest film (generated)"


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
    inside: Sequence[InScope],
    listed: Sequence[tuple[str, Sequence[Path]]],
    split: Sequence[Example],
) -> list[OutsideGroup]:
    """A group for each list of files, all lists together where there are several, and the generated ones.

    Args:
        classifier: judges every picture.
        inside: of the split's films.
        listed: name and files of each list.
        split: films to alter.
    """
    groups, everything = [], []
    for name, paths in listed:
        scopes, unreadable = _of_files(classifier, paths)
        groups.append(_group(name, inside, scopes, unreadable))
        everything += scopes
    if len(listed) > 1:
        groups.append(_group("all of these", inside, everything, 0))
    made = [scope for picture in _made(split, classifier.image_size) for scope in _judge(classifier, [picture])]
    return [*groups, _group(NO_CHEST_NAME, inside, made, 0)]


def _of_files(classifier: JudgedClassifier, paths: Sequence[Path]) -> tuple[list[InScope], int]:
    """Of readable files, and how many are not."""
    scopes, unreadable = [], 0
    for _, outcome in decode_stream([Example(path, 0, str(path), "") for path in paths], classifier.image_size):
        if isinstance(outcome, str):
            unreadable += 1
        else:
            scopes += _judge(classifier, [outcome.tensor[0].numpy()])
    return scopes, unreadable


def _made(split: Sequence[Example], size: int) -> Iterator[np.ndarray]:
    """Altered films and generated pictures, float32 (S, S)."""
    chosen = [split[index] for index in np.linspace(0, len(split) - 1, min(ALTERED_FILMS, len(split))).astype(int)]
    for _, outcome in decode_stream(chosen, size):
        if not isinstance(outcome, str):
            film = outcome.tensor[0].numpy()
            yield from (np.ascontiguousarray(alter(film)) for _, alter in ALTERED.values())
    for name in GENERATED:
        yield from (generate(name, _FIRST_SEED + number, size) for number in range(GENERATED_EACH))


def _judge(classifier: JudgedClassifier, pictures: Sequence[np.ndarray]) -> list[InScope]:
    before = len(classifier.scopes)
    classifier.classify(torch.from_numpy(np.stack(pictures)).unsqueeze(1))
    return [scope for scope in classifier.scopes[before:] if scope is not None]


def _group(name: str, inside: Sequence[InScope], outside: Sequence[InScope], unreadable: int) -> OutsideGroup:
    left_out = rate(sum(not scope.value for scope in outside), len(outside), "no readable image")
    return OutsideGroup(name, scope_area(inside, outside), left_out, unreadable)


def scope_area(inside: Sequence[InScope], outside: Sequence[InScope], seed: int = 0) -> Estimate:
    """ROC area of the score, `outside` against `inside`, each film a patient of its own."""
    total = len(inside) + len(outside)
    if not inside or not outside:
        return share_estimate(float("nan"), np.zeros(0), 0, total, "no readable image")
    scores = np.array([scope.score for scope in (*inside, *outside)])
    truth = np.repeat([0, 1], [len(inside), len(outside)])
    rng = np.random.default_rng(seed)
    replicates = []
    for _ in range(_REPLICATES):
        drawn = [rng.choice(np.flatnonzero(truth == side), (truth == side).sum()) for side in (0, 1)]
        rows = np.concatenate(drawn)
        replicates.append(roc_auc_score(truth[rows], scores[rows]))
    return share_estimate(float(roc_auc_score(truth, scores)), np.array(replicates), total, total)
