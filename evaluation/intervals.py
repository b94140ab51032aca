"""A measured number with its count and 95% interval: Wilson for rates, resampled patients for the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

Z95 = 1.959963984540054  # two-sided 95% of the normal distribution
REPLICATES = 2000
_CHUNK_ELEMENTS = 200_000  # weights held at once: 1.6 MB however many images there are


@dataclass(frozen=True)
class Estimate:
    """A number in the unit its name says, its 95% interval, and what it was counted on.

    Attributes:
        value: the number, None where it is not defined (`note` says why).
        low, high: ends of the 95% interval, None where there is none.
        successes: for a rate the numerator, None for everything else.
        total: the rate's denominator, else the number of images.
        interval: how the interval was made: "Wilson", "bootstrap" or "none".
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


def rate(successes: int, total: int, why_undefined: str = "no image to count") -> Estimate:
    """`successes / total` with its Wilson score interval (1927), which holds for small counts too.

    It takes images as independent. Several images of one patient are not quite, so where it matters the
    bootstrap over patients is given as well.
    """
    if total == 0:
        return undefined(0, why_undefined)
    share = successes / total
    scale = 1 + Z95**2 / total
    centre = (share + Z95**2 / (2 * total)) / scale
    half = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2)) / scale
    low = 0.0 if successes == 0 else centre - half  # exact there; rounding would leave 1e-17
    high = 1.0 if successes == total else centre + half
    return Estimate(share, low, high, successes, total, "Wilson")


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


def bootstrap_interval(value: float, replicates: np.ndarray) -> tuple[float, float]:
    """The bias-corrected percentile interval (Efron 1981) of `value` from its bootstrap replicates.

    The correction matters for the calibration error, which resampling inflates; elsewhere it is close to the
    plain percentiles. Replicates that are not defined (a class was not drawn) are NaN and left out.
    """
    drawn = np.sort(replicates[np.isfinite(replicates)])
    below = (np.sum(drawn < value - 1e-12) + np.sum(drawn <= value + 1e-12)) / 2  # ties count half
    share = np.clip(below / len(drawn), 0.5 / len(drawn), 1 - 0.5 / len(drawn))
    shift = 2 * norm.ppf(share)
    low, high = np.quantile(drawn, norm.cdf([shift - Z95, shift + Z95]))
    return float(low), float(high)


def bootstrap_estimate(value: float, replicates: np.ndarray, patients: int, total: int, note: str = "") -> Estimate:
    """`value` with its bootstrap interval, or without one where the data are too few to resample."""
    if not math.isfinite(value):
        return undefined(total, note or "not defined on these images")
    defined = int(np.isfinite(replicates).sum())
    if patients < 2 or defined < len(replicates) / 2:
        why = "too few patients for an interval"
        return Estimate(value, None, None, None, total, "none", f"{note}; {why}" if note else why)
    low, high = bootstrap_interval(value, replicates)
    if high - low < 1e-12:  # all right or all wrong: an interval without width would claim certainty
        why = "no interval: all resamples agree"
        return Estimate(value, None, None, None, total, "none", f"{note}; {why}" if note else why)
    return Estimate(value, low, high, None, total, "bootstrap", note)
