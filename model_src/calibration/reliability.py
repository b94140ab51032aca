"""Reliability counts: of the validation films that got such an answer, how many it was right for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)  # of the finest bands
FEWEST = 20  # answers in a band: with fewer, it is joined with its neighbour

Share = Annotated[float, Field(ge=0, le=1, description="from 0 to 1")]
Count = Annotated[int, Field(ge=0, description="at least 0")]


@dataclass(frozen=True)
class Band:
    """Answers of one class whose probability is from `low` to below `high` (to 1, in the last)."""

    low: Share
    high: Share
    answers: Count
    right: Count


def count_answers(probabilities: np.ndarray, right: np.ndarray) -> list[Band]:
    """The bands of one class, which cover 0 to 1 without a gap; each has FEWEST answers unless all together have fewer.

    Args:
        probabilities: float (n,) of the answers that were this class.
        right: bool (n,) whether they were right.
    """
    bands: list[Band] = []
    high = EDGES[-1]
    for low in reversed(EDGES[:-1]):
        inside = (probabilities >= low) & ((probabilities < high) | (high == EDGES[-1]))
        if inside.sum() >= FEWEST or (low == EDGES[0] and not bands):
            bands.insert(0, Band(low, high, int(inside.sum()), int(right[inside].sum())))
            high = low
        elif low == EDGES[0]:  # what is left at the lower end
            first = bands.pop(0)
            answers, rights = first.answers + int(inside.sum()), first.right + int(right[inside].sum())
            bands.insert(0, Band(low, first.high, answers, rights))
    return bands


def such_answers(bands: Sequence[Band], probability: float) -> Band:
    """The band that a probability in [0, 1] lies in."""
    return next((band for band in bands if probability < band.high), bands[-1])
