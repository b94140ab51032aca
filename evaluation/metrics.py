"""All figures of an evaluation, each with its count and its 95% interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_score,
    roc_auc_score,
)

from evaluation.calibration import (
    ReliabilityBin,
    bin_gaps,
    brier_score,
    calibration_error,
    calibration_estimates,
    reliability_bins,
    unseen_spread,
)
from evaluation.intervals import (
    REPLICATES,
    Estimate,
    clustered_rate,
    mean_of_rates,
    patient_weights,
    share_estimate,
    undefined,
    without_interval,
)
from evaluation.resampled import confusion_metrics, confusions, ranking_areas
from evaluation.results import Predictions
from model_src.classes import CLASS_NAMES

_LABELS = list(range(len(CLASS_NAMES)))


@dataclass(frozen=True)
class Metrics:
    """What an evaluation measured. Rates, areas and errors are shares in [0, 1] (Brier: [0, 2])."""

    overall: dict[str, Estimate]
    per_class: dict[str, dict[str, Estimate]]  # class name -> figure -> estimate
    confusion: list[list[int]]  # rows = truth, columns = predicted
    reliability: list[ReliabilityBin]
    images: int
    patients: int

    def as_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "images": self.images,
            "patients": self.patients,
            "overall": {name: estimate.as_json() for name, estimate in self.overall.items()},
            "per_class": {
                name: {figure: estimate.as_json() for figure, estimate in figures.items()}
                for name, figures in self.per_class.items()
            },
            "confusion": {"rows": "truth", "classes": list(CLASS_NAMES), "counts": self.confusion},
            "reliability": [
                {"low": b.low, "high": b.high, "confidence": b.confidence, "accuracy": b.accuracy.as_json()}
                for b in self.reliability
            ],
        }


def measure(predictions: Predictions, *, replicates: int = REPLICATES, seed: int = 0) -> Metrics:
    """Every figure of an evaluation.

    Intervals: see intervals.py and calibration.py; patients are resampled `replicates` times. A figure that needs a
    class of which there is no image is not defined.
    """
    truth, predicted = predictions.truth, predictions.predicted
    matrix = confusion_matrix(truth, predicted, labels=_LABELS)
    points = point_values(predictions)
    drawn, drawn_gaps = _resample(predictions, replicates, seed)
    patients, total = len(set(predictions.patients)), len(truth)
    absent = [name for index, name in enumerate(CLASS_NAMES) if matrix[index].sum() == 0]
    unclaimed = [
        name for index, name in enumerate(CLASS_NAMES) if matrix[:, index].sum() == 0 and matrix[index].sum() > 0
    ]

    def share(name: str, note: str = "", largest: float = 1.0, rests_on: int = patients) -> Estimate:
        return share_estimate(points[name], drawn[name], rests_on, total, note, largest)

    def share_right(hits: np.ndarray, *, among: np.ndarray, otherwise: str) -> Estimate:
        return clustered_rate(hits[among], list(compress(predictions.patients, among)), otherwise)

    of_class = patients_by_class(predictions, truth)
    missing = f"no {' or '.join(absent)} image in this split" if absent else ""
    never = f"{' and '.join(unclaimed)} never predicted: its precision counts as 0" if unclaimed else ""
    accuracy = clustered_rate(truth == predicted, predictions.patients)
    balanced = mean_of_rates(
        [points[f"sensitivity {name}"] for name in CLASS_NAMES],
        [drawn[f"sensitivity {name}"] for name in CLASS_NAMES],
        of_class,
        total,
        missing,
    )
    precision_macro = mean_of_rates(
        [points[f"precision {name}"] if not absent else math.nan for name in CLASS_NAMES],
        [drawn[f"precision {name}"] for name in CLASS_NAMES],
        patients_by_class(predictions, predicted),
        total,
        missing or never,
    )
    areas = {}
    for area in ("roc_auc", "pr_auc"):
        certain = [name for name in CLASS_NAMES if share(f"{area} {name}").low is None]
        mean = share(f"{area}_macro", missing, rests_on=min(of_class))
        if mean.low is not None and certain:
            why = f"no interval: that of {' and '.join(certain)} has none"
            mean = without_interval(points[f"{area}_macro"], total, why)
        areas[f"{area}_macro"] = mean
    once = np.ones((1, total))
    ece, ece_debiased = calibration_estimates(
        bin_gaps(truth, predictions.probabilities, once)[0],
        drawn_gaps,
        unseen_spread(truth, predictions.probabilities),
        patients,
        total,
    )
    overall = {
        "accuracy": accuracy,
        "balanced_accuracy": balanced,
        "precision_weighted": share("precision_weighted", never),
        "recall_weighted": accuracy,
        "f1_weighted": share("f1_weighted"),
        "precision_macro": precision_macro,
        "recall_macro": balanced,
        "f1_macro": share("f1_macro", missing),
        **areas,
        "ece": ece,
        "ece_debiased": ece_debiased,
        "brier": share("brier", largest=2.0),
    }
    per_class = {}
    for index, name in enumerate(CLASS_NAMES):
        actual, claimed = truth == index, predicted == index
        without = "" if actual.any() else f"no {name} image in this split"
        alone = without or (f"only {name} images in this split" if actual.all() else "")
        per_class[name] = {
            "sensitivity": share_right(claimed, among=actual, otherwise=without),
            "specificity": share_right(~claimed, among=~actual, otherwise=f"only {name} images in this split"),
            "ppv": share_right(actual, among=claimed, otherwise=f"{name} was never predicted"),
            "f1": share(f"f1 {name}", without),
            "roc_auc": undefined(total, alone) if alone else share(f"roc_auc {name}", rests_on=of_class[index]),
            "pr_auc": undefined(total, alone) if alone else share(f"pr_auc {name}"),
        }
    reliability = reliability_bins(truth, predictions.probabilities, predictions.patients)
    return Metrics(overall, per_class, matrix.tolist(), reliability, total, patients)


def point_values(predictions: Predictions) -> dict[str, float]:
    """The figures on the images themselves, by scikit-learn; NaN where not defined."""
    truth, predicted, probabilities = predictions.truth, predictions.predicted, predictions.probabilities
    once = np.ones((1, len(truth)))
    present = [index for index in _LABELS if np.any(truth == index)]
    complete = len(present) == len(CLASS_NAMES)
    weighted = {"labels": _LABELS, "average": "weighted", "zero_division": 0.0}
    f1 = f1_score(truth, predicted, labels=_LABELS, average=None, zero_division=0.0)
    precision = precision_score(truth, predicted, labels=_LABELS, average=None, zero_division=0.0)
    sensitivity = [
        float(np.mean(predicted[truth == index] == index)) if index in present else math.nan for index in _LABELS
    ]
    values = {
        "accuracy": float(np.mean(truth == predicted)),
        "balanced_accuracy": float(np.mean(sensitivity)),
        "precision_weighted": float(precision_score(truth, predicted, **weighted)),
        "precision_macro": float(precision.mean()) if complete else math.nan,
        "f1_weighted": float(f1_score(truth, predicted, **weighted)),
        "f1_macro": float(f1.mean()) if complete else math.nan,
        "ece": float(calibration_error(bin_gaps(truth, probabilities, once))[0]),
        "brier": float(brier_score(truth, probabilities, once)[0]),
    }
    for index, name in enumerate(CLASS_NAMES):
        positive, scores = truth == index, probabilities[:, index]
        both = positive.any() and not positive.all()
        values[f"sensitivity {name}"] = sensitivity[index]
        values[f"precision {name}"] = float(precision[index])
        values[f"f1 {name}"] = float(f1[index]) if index in present else math.nan
        values[f"roc_auc {name}"] = float(roc_auc_score(positive, scores)) if both else math.nan
        values[f"pr_auc {name}"] = float(average_precision_score(positive, scores)) if both else math.nan
    values["roc_auc_macro"] = float(np.mean([values[f"roc_auc {name}"] for name in CLASS_NAMES]))
    values["pr_auc_macro"] = float(np.mean([values[f"pr_auc {name}"] for name in CLASS_NAMES]))
    return values


def replicate_values(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of `point_values` but the calibration error, under each row of `weights` (b, N).

    Each (b,), NaN where not defined.
    """
    values = confusion_metrics(confusions(predictions.truth, predictions.predicted, weights))
    for index, name in enumerate(CLASS_NAMES):
        roc, pr = ranking_areas(predictions.truth == index, predictions.probabilities[:, index], weights)
        values[f"roc_auc {name}"] = roc
        values[f"pr_auc {name}"] = pr
    values["roc_auc_macro"] = np.mean([values[f"roc_auc {name}"] for name in CLASS_NAMES], axis=0)
    values["pr_auc_macro"] = np.mean([values[f"pr_auc {name}"] for name in CLASS_NAMES], axis=0)
    values["brier"] = brier_score(predictions.truth, predictions.probabilities, weights)
    return values


def patients_by_class(predictions: Predictions, labels: np.ndarray) -> list[int]:
    """Number of patients with an image of each class, by the truth or the predicted `labels` (N,)."""
    pairs = set(zip(predictions.patients, labels.tolist(), strict=True))
    return [sum(label == index for _, label in pairs) for index in _LABELS]


def _resample(predictions: Predictions, replicates: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The figures of `replicate_values` for resampled patients, and the gaps of the bins of confidence."""
    blocks, gaps = [], []
    for weights in patient_weights(predictions.patients, replicates=replicates, seed=seed):
        blocks.append(replicate_values(predictions, weights))
        gaps.append(bin_gaps(predictions.truth, predictions.probabilities, weights))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}, np.concatenate(gaps)
