"""A measured number with its count and its 95% interval, which always holds the number.

How an interval is made depends on what the number is:

    a rate of images (accuracy,      Wilson's score interval (1927); where patients have several images, their number is
    sensitivity, PPV ...)            divided by the design effect (Dean and Pagano 2015)
    balanced accuracy                the classes' intervals put together: distances to the ends add in squares (MOVER;
                                     Zou and Donner 2008)
    F1, areas, Brier score ...       the standard error of resampled patients, taken to the scale of log odds and back,
                                     with Student's t for the number of patients
    a difference                     the standard error of resampled patients, with Student's t
    calibration error                see calibration.py: its plain value is biased, and needs a method of its own

Percentiles of a bootstrap are not used: near the ends of a range they are too short and too far in.
`python -m benchmarks.interval_coverage` measures how often each of these holds a truth that is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

REPLICATES = 2000
LEVEL = 0.95
_CHUNK_ELEMENTS = 200_000  # weights held at once: 1.6 MB however many images there are
_NO_SPREAD = 1e-12  # resamples that differ by less are alike


@dataclass(frozen=True)
class Estimate:
    """A number in the unit its name says, its 95% interval, and what it was counted on.

    Attributes:
        value: the number, None where it is not defined (`note` says why).
        low, high: ends of the 95% interval, low <= value <= high; None where there is none.
        successes: for a rate the numerator, None for everything else.
        total: the rate's denominator, else the number of images.
        interval: how the interval was made: "Wilson", "MOVER", "bootstrap" or "none".
        note: what a reader has to know, "" if nothing.
    """

    value: float | None
    low: float | None
    high: float | None
    successes: int | None
    total: int
    interval: str
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields as a dict of JSON types."""
        return asdict(self)


def undefined(total: int, why: str) -> Estimate:
    """The estimate of something that these data do not define."""
    return Estimate(None, None, None, None, total, "none", why)


def without_interval(value: float, total: int, why: str, note: str = "") -> Estimate:
    """The estimate of something of which these data do not say how sure it is."""
    return Estimate(value, None, None, None, total, "none", f"{note}; {why}" if note else why)


def resampled(value: float, low: float, high: float, total: int, note: str = "") -> Estimate:
    """The estimate of something whose interval comes from resampled patients; its ends hold it to the last bit."""
    return Estimate(value, min(low, value), max(high, value), None, total, "bootstrap", note)


def rate(successes: int, total: int, why_undefined: str = "no image to count") -> Estimate:
    """`successes / total` of images of different patients, with its Wilson score interval."""
    return _wilson(successes, total, total) if total else undefined(0, why_undefined)


def clustered_rate(
    hits: np.ndarray,
    patients: Sequence[str],
    why_undefined: str = "no image to count",
    *,
    among: np.ndarray | None = None,
) -> Estimate:
    """The share of images that are `hits`, where a patient may have several.

    Images of one patient are alike. So they count for less than as many images of different patients: Wilson's
    interval is that of `effective_images`.

    Args:
        hits: bool (N,).
        patients: the patient of each image.
        among: bool (N,), the images to count; None for all.
    """
    counted = np.ones(len(hits), bool) if among is None else among
    hits, of = hits[counted], np.asarray(patients, dtype=str)[counted]
    if not len(hits):
        return undefined(0, why_undefined)
    return _wilson(int(hits.sum()), len(hits), effective_images(hits, of))


def effective_images(hits: np.ndarray, patients: np.ndarray) -> float:
    """How many images of different patients tell as much about the share of `hits` (N,), at least one image.

    N divided by the design effect (Kish 1965). Few patients hide how alike their images are, most of all where nearly
    all are hits. So two more are taken to be there, with as many images as is usual: one all hits, and one without.
    """
    _, patient_of_image = np.unique(patients, return_inverse=True)
    images = np.bincount(patient_of_image).astype(np.float64)
    if len(images) == len(hits):
        return float(len(hits))
    usual = float(images @ images) / len(hits)
    own = np.append(np.bincount(patient_of_image, weights=hits), (usual, 0.0))
    of = np.append(images, (usual, usual))
    share = own.sum() / of.sum()
    excess = own - share * of
    variance = len(of) / (len(of) - 1) * float(excess @ excess) / of.sum() ** 2
    design_effect = max(1.0, variance * of.sum() / (share * (1 - share)))
    return len(hits) / design_effect


def _wilson(successes: int, total: int, images: float) -> Estimate:
    """Wilson's interval (1927) of `successes / total`, as sure as that of `images` images."""
    share, square = successes / total, float(norm.ppf((1 + LEVEL) / 2)) ** 2 / images
    middle = (share + square / 2) / (1 + square)
    reach = math.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    low, high = (0.0 if not successes else middle - reach), (1.0 if successes == total else middle + reach)
    return Estimate(share, min(low, share), max(high, share), successes, total, "Wilson")


def patient_weights(patients: Sequence[str], *, replicates: int = REPLICATES, seed: int = 0) -> Iterator[np.ndarray]:
    """Bootstrap resamples of whole patients, as how often each image is drawn.

    A patient's images are alike, so drawing images one by one would make intervals too narrow.

    Args:
        patients: the patient of each of N images.

    Yields:
        float64 (b, N) blocks of weights, `replicates` rows in all, which depend on nothing but the seed.
    """
    names, patient_of_image = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    block = max(1, _CHUNK_ELEMENTS // len(patients))
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
        yield draws[:, patient_of_image].astype(np.float64)


def why_too_few(replicates: np.ndarray, patients: int) -> str:
    """Why `replicates`, NaN where a class was not drawn, cannot give an interval; "" if they can."""
    few = patients < 2 or np.isfinite(replicates).sum() < max(2, len(replicates) / 2)
    return "too few patients for an interval" if few else ""


def share_estimate(
    value: float, replicates: np.ndarray, patients: int, total: int, note: str = "", largest: float = 1.0
) -> Estimate:
    """A figure in [0, `largest`] with its interval from `replicates` of resampled patients.

    Near its ends such a figure varies little and askew; its log odds do not. Replicates that are not defined are NaN.
    """
    if not math.isfinite(value):
        return undefined(total, note or "not defined on these images")
    if why := why_too_few(replicates, patients):
        return without_interval(value, total, why, note)
    share, spread = value / largest, float(np.nanstd(replicates)) / largest
    if spread < _NO_SPREAD or not 0 < share < 1:  # all right or all wrong: no width would claim certainty
        return without_interval(value, total, "no interval: all resamples agree", note)
    reach = _t(patients) * spread / (share * (1 - share))
    low, high = (largest * _share(math.log(share / (1 - share)) + side * reach) for side in (-1, 1))
    return resampled(value, low, high, total, note)


def difference_estimate(value: float, replicates: np.ndarray, patients: int, total: int, note: str = "") -> Estimate:
    """A difference of two shares, in [-1, 1], with its interval from `replicates` of resampled patients."""
    if not math.isfinite(value):
        return undefined(total, note or "not defined on these images")
    if why := why_too_few(replicates, patients):
        return without_interval(value, total, why, note)
    reach = _t(patients) * float(np.nanstd(replicates))
    if reach < _NO_SPREAD:
        return without_interval(value, total, "no interval: all resamples agree", note)
    return resampled(value, max(-1.0, value - reach), min(1.0, value + reach), total, note)


def mean_of_rates(rates: Sequence[Estimate], total: int, note: str = "") -> Estimate:
    """The mean of rates, such as balanced accuracy, with their intervals put together (MOVER).

    Distances to the ends add in squares, as for rates of different patients; where classes share patients, the interval
    is a little off.

    Args:
        rates: one for each class; the mean is not defined if one is not.
        total: number of images.
    """
    values = [own.value for own in rates if own.value is not None]
    if len(values) < len(rates):
        return undefined(total, note or "not defined on these images")
    mean = float(np.mean(values))
    down = math.hypot(*((own.value or 0.0) - (own.low or 0.0) for own in rates)) / len(rates)
    up = math.hypot(*((own.high or 0.0) - (own.value or 0.0) for own in rates)) / len(rates)
    return Estimate(mean, min(mean - down, mean), max(mean + up, mean), None, total, "MOVER", note)


def _t(patients: int) -> float:
    """Student's t: how many standard errors 95% reach to each side."""
    return float(student.ppf((1 + LEVEL) / 2, patients - 1))


def _share(log_odds: float) -> float:
    """The inverse of log odds, without overflow."""
    return float(1 / (1 + np.exp(-np.clip(log_odds, -700, 700))))
