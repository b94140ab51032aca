"""Prediction sets: the classes that an answer leaves open, so that the true one is among them as often as promised.

Split conformal prediction, class by class ("Mondrian": Vovk, Gammerman and Shafer 2005, section 4.5): a new film of a
class is as likely to stand at any place among that class's validation films, ordered by the probability of the class.
So a class belongs to the set unless its probability is below nearly all of theirs. The promise holds for each class by
itself, whatever the model does, as long as new films of the class are like its validation films.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVELS = (90, 95)  # percent


def lowest_probability(probabilities: Sequence[float], level: int) -> float:
    """From which probability on a class belongs to the set.

    With n films, the k-th smallest of their probabilities, k = (n + 1) (100 - level) / 100 rounded down: a new film
    falls below it with a chance of at most k / (n + 1).

    Args:
        probabilities: that the model gave the class, for validation films that are of it.
        level: percent of the class's films whose sets are to hold it.

    Returns:
        A probability; 0 where there are too few films for the level (9 for 90%, 19 for 95%): the class is then in
        every set.
    """
    rank = (len(probabilities) + 1) * (100 - level) // 100
    return float(np.sort(probabilities)[rank - 1]) if rank else 0.0


def prediction_set(probabilities: Sequence[float], lowest: Sequence[float]) -> tuple[int, ...]:
    """Indices of the classes not below their lowest probability, the most probable first; there may be none."""
    order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
    return tuple(index for index in order if probabilities[index] >= lowest[index])
