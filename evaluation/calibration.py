"""Does a stated probability come true that often? Reliability bins, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.intervals import Estimate, rate

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose highest probability lies in (low, high]."""

    low: float
    high: float
    confidence: float | None  # mean highest probability, None for an empty bin
    accuracy: Estimate  # how many of them were right


def bin_indices(confidence: np.ndarray) -> np.ndarray:
    """The bin 0..BINS-1 of each confidence in [0, 1]; bins are of equal width and closed above."""
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)


def reliability_bins(truth: np.ndarray, probabilities: np.ndarray) -> list[ReliabilityBin]:
    """The reliability diagram's bins for `truth` (N,) and `probabilities` (N, 3)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    indices = bin_indices(confidence)
    bins = []
    for index in range(BINS):
        inside = indices == index
        count = int(inside.sum())
        mean = float(confidence[inside].mean()) if count else None
        bins.append(
            ReliabilityBin(index / BINS, (index + 1) / BINS, mean, rate(int(right[inside].sum()), count, "empty bin"))
        )
    return bins


def calibration_error(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error (Guo et al. 2017) under each row of `weights` (b, N): (b,) in [0, 1].

    The mean over images of |confidence - accuracy| of their bin.
    """
    confidence = probabilities.max(axis=1)
    gap = confidence - (probabilities.argmax(axis=1) == truth)
    in_bin = np.zeros((len(truth), BINS))
    in_bin[np.arange(len(truth)), bin_indices(confidence)] = gap
    return np.abs(weights @ in_bin).sum(axis=1) / weights.sum(axis=1)


def brier_score(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brier score (1950) under each row of `weights`: squared distance to the truth, summed over classes.

    (b,) in [0, 2]: 0 is perfect, 2/3 is what equal probabilities get.
    """
    distance = ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1)
    return weights @ distance / weights.sum(axis=1)
