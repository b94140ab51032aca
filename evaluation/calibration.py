"""Does a stated probability come true that often? Reliability bins, calibration error, Brier score.

**The calibration error and its interval.** The error wanted is the one on all images like these: the mean of
|confidence - accuracy| over bins of confidence, where nothing is left to chance. Its plain value on N images (Guo et
al. 2017) is what everybody reports, and it is too large: in a bin where confidence and accuracy agree, chance leaves
a gap, and absolute values do not cancel. Resampling adds the same bias once more, so neither percentiles of a
bootstrap nor their usual corrections hold.

So there are three numbers. The plain value, because it can be compared. An interval for the error wanted, by inverting
a test (Carpenter 1999): the bins' gaps are scaled from nothing upwards, chance is added as resampled patients show it,
and those errors are kept under which the plain value is neither among the smallest nor among the largest 2.5%. And the
error under which the plain value is the median: the value without its bias. The interval holds it, and is widened to
hold the plain value too, where chance alone would give one so large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.intervals import LEVEL, Estimate, clustered_rate, resampled, why_too_few, without_interval

BINS = 10
_HALVINGS = 40  # of the range in which a size is sought


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


def reliability_bins(truth: np.ndarray, probabilities: np.ndarray, patients: Sequence[str]) -> list[ReliabilityBin]:
    """The reliability diagram's bins for `truth` (N,), `probabilities` (N, 3) and the images' N `patients`."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    indices = bin_indices(confidence)
    bins = []
    for index in range(BINS):
        inside = indices == index
        mean = float(confidence[inside].mean()) if inside.any() else None
        accuracy = clustered_rate(right, patients, "empty bin", among=inside)
        bins.append(ReliabilityBin(index / BINS, (index + 1) / BINS, mean, accuracy))
    return bins


def bin_gaps(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each bin's confidence minus accuracy, times its share of images: (b, BINS) for `weights` (b, N)."""
    confidence = probabilities.max(axis=1)
    in_bin = np.zeros((len(truth), BINS))
    in_bin[np.arange(len(truth)), bin_indices(confidence)] = confidence - (probabilities.argmax(axis=1) == truth)
    return (weights @ in_bin) / weights.sum(axis=1, keepdims=True)


def calibration_error(gaps: np.ndarray) -> np.ndarray:
    """Expected calibration error, plain, of bins' gaps (b, BINS): (b,) in [0, 1]."""
    return np.abs(gaps).sum(axis=1)


def unseen_spread(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Standard deviation (BINS,) of each bin's gap that resampling does not show.

    A bin of which all images are right does not vary when it is resampled, and would count as certain. So each bin's
    accuracy is taken to vary as if two more images had been right and two more wrong (Agresti and Coull 1998).
    """
    indices = bin_indices(probabilities.max(axis=1))
    images = np.bincount(indices, minlength=BINS)
    right = np.bincount(indices, weights=probabilities.argmax(axis=1) == truth, minlength=BINS)
    shown = right / np.maximum(images, 1)
    wider = (right + 2) / (images + 4)
    return np.sqrt(np.maximum(wider * (1 - wider) - shown * (1 - shown), 0) * images) / len(truth)


def calibration_estimates(
    gaps: np.ndarray, drawn: np.ndarray, unseen: np.ndarray, patients: int, total: int
) -> tuple[Estimate, Estimate]:
    """The calibration error, plain and without its bias, each with the interval of the error wanted (see above).

    Args:
        gaps: of the images, (BINS,).
        drawn: of resampled patients, (b, BINS).
        unseen: `unseen_spread` of the images.
        patients, total: numbers of patients and images.
    """
    plain = float(np.abs(gaps).sum())
    chance = drawn - gaps + unseen * np.random.default_rng(0).normal(size=drawn.shape)
    why = why_too_few(drawn[:, 0], patients)
    if not why and np.ptp(drawn, axis=0).max() < 1e-12:
        why = "no interval: all resamples agree"
    if why:
        return without_interval(plain, total, why), without_interval(plain, total, why)
    low, middle, high = (
        _size_with_quantile(gaps, chance, plain, share) for share in ((1 + LEVEL) / 2, 0.5, (1 - LEVEL) / 2)
    )
    low, high = min(low, plain), max(high, plain)
    return resampled(plain, low, high, total), resampled(middle, low, high, total)


def _size_with_quantile(gaps: np.ndarray, chance: np.ndarray, plain: float, share: float) -> float:
    """The calibration error under which `share` of plain values, chance added, lie below `plain`; 0 if there is none.

    The larger the error, the larger plain values are, so it is found by halving.
    """

    def quantile(scale: float) -> float:
        return float(np.quantile(calibration_error(scale * gaps + chance), share))

    if quantile(0.0) >= plain:
        return 0.0
    low, high = 0.0, 1.0
    while quantile(high) < plain:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if quantile(middle) < plain else (low, middle)
    return min(1.0, high * plain)


def brier_score(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Brier score (1950) under each row of `weights`: squared distance to the truth, summed over classes.

    (b,) in [0, 2]: 0 is perfect, 2/3 is what equal probabilities get.
    """
    distance = ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1)
    return weights @ distance / weights.sum(axis=1)
