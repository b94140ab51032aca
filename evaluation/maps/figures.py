"""Means of many maps' figures with intervals over patients, alone and against a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.intervals import (
    REPLICATES,
    Estimate,
    difference_estimate,
    patient_weights,
    share_estimate,
    undefined,
)
from evaluation.maps.localisation import Localisation

LOCALISED = ("hit", "overlap", "precision_recall")  # the figures against boxes


@dataclass(frozen=True)
class MapFigures:
    """One method, or one reference: means over films.

    Attributes:
        hit: share of films whose map has its highest point in a box.
        overlap: mean intersection over union with the boxes at Otsu's threshold.
        precision_recall: mean area under the precision-recall curve of pixels.
        inside: mean share of the map inside the lungs; `inside_of` the same by class.
        seconds: of one map on this machine; None for a reference.
    """

    hit: Estimate
    overlap: Estimate
    precision_recall: Estimate
    inside: Estimate
    inside_of: dict[str, Estimate]
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {
            **{name: getattr(self, name).as_json() for name in (*LOCALISED, "inside")},
            "inside_of": {name: estimate.as_json() for name, estimate in self.inside_of.items()},
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }


def mean_of(
    values: Sequence[float], patients: Sequence[str], *, seed: int, replicates: int = REPLICATES, why: str = "no film"
) -> Estimate:
    """Mean of one value in [0, 1] a film, with its interval from resampled patients; NaN values are left out."""
    kept, of = _defined(values, patients)
    if not len(kept):
        return undefined(0, why)
    return share_estimate(float(kept.mean()), _means(kept, of, seed, replicates), len(set(of)), len(kept))


def difference_of(
    one: Sequence[float], other: Sequence[float], patients: Sequence[str], *, seed: int, replicates: int = REPLICATES
) -> Estimate:
    """Mean of `one` - `other` on the same films, in [-1, 1], with its interval from resampled patients."""
    differences, of = _defined(np.subtract(one, other).tolist(), patients)
    if not len(differences):
        return undefined(0, "no film")
    means = _means(differences, of, seed, replicates)
    return difference_estimate(float(differences.mean()), means, len(set(of)), len(differences))


def against(
    found: Sequence[Localisation], reference: Sequence[Localisation], patients: Sequence[str], *, seed: int
) -> dict[str, Estimate]:
    """How far each figure against boxes lies above the reference's, film by film."""
    return {
        name: difference_of(
            [float(getattr(one, name)) for one in found],
            [float(getattr(one, name)) for one in reference],
            patients,
            seed=seed,
        )
        for name in LOCALISED
    }


def _defined(values: Sequence[float], patients: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    array = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(array)
    return array[kept], [patient for patient, keep in zip(patients, kept, strict=True) if keep]


def _means(values: np.ndarray, patients: Sequence[str], seed: int, replicates: int) -> np.ndarray:
    blocks = patient_weights(patients, replicates=replicates, seed=seed)
    return np.concatenate([weights @ values / weights.sum(axis=1) for weights in blocks])
