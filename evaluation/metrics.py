"""All figures of an evaluation, each with its count and its 95% interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    precision_score,
    roc_auc_score,
)

from evaluation.calibration import ReliabilityBin, brier_score, calibration_error, reliability_bins
from evaluation.intervals import (
    REPLICATES,
    Estimate,
    bootstrap_estimate,
    patient_weights,
    rate,
    undefined,
)
from evaluation.resampled import confusion_metrics, confusions, ranking_areas
from evaluation.results import ImageResult
from model_src.classes import CLASS_NAMES

_LABELS = list(range(len(CLASS_NAMES)))


@dataclass(frozen=True)
class Answers:
    """The results of N images as arrays."""

    truth: np.ndarray  # int (N,)
    predicted: np.ndarray  # int (N,)
    probabilities: np.ndarray  # float64 (N, 3)
    patients: list[str]

    @classmethod
    def of(cls, results: Sequence[ImageResult]) -> Answers:
        """The arrays of `results`."""
        return cls(
            np.array([r.truth for r in results]),
            np.array([r.predicted for r in results]),
            np.array([r.probabilities for r in results], dtype=np.float64),
            [r.patient for r in results],
        )


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


def measure(answers: Answers, *, replicates: int = REPLICATES, seed: int = 0) -> Metrics:
    """Every figure of an evaluation.

    Accuracy, sensitivity, specificity and predictive values are rates (Wilson). Everything else is resampled
    `replicates` times by patient. A figure that needs a class of which there is no image is not defined.
    """
    truth, predicted = answers.truth, answers.predicted
    matrix = confusion_matrix(truth, predicted, labels=_LABELS)
    points = point_values(answers)
    drawn = _replicate_values(answers, replicates, seed)
    patients, total = len(set(answers.patients)), len(truth)
    absent = [name for index, name in enumerate(CLASS_NAMES) if matrix[index].sum() == 0]
    unclaimed = [
        name for index, name in enumerate(CLASS_NAMES) if matrix[:, index].sum() == 0 and matrix[index].sum() > 0
    ]

    def resampled(name: str, note: str = "") -> Estimate:
        return bootstrap_estimate(points[name], drawn[name], patients, total, note)

    missing = f"no {' or '.join(absent)} image in this split" if absent else ""
    never = f"{' and '.join(unclaimed)} never predicted: its precision counts as 0" if unclaimed else ""
    right = int(np.trace(matrix))
    overall = {
        "accuracy": rate(right, total),
        "accuracy_by_patient": resampled("accuracy"),
        "balanced_accuracy": resampled("balanced_accuracy", missing),
        "precision_weighted": resampled("precision_weighted", never),
        "recall_weighted": rate(right, total),
        "f1_weighted": resampled("f1_weighted"),
        "precision_macro": resampled("precision_macro", missing or never),
        "recall_macro": resampled("balanced_accuracy", missing),
        "f1_macro": resampled("f1_macro", missing),
        "roc_auc_macro": resampled("roc_auc_macro", missing),
        "pr_auc_macro": resampled("pr_auc_macro", missing),
        "ece": resampled("ece"),
        "brier": resampled("brier"),
    }
    per_class = {}
    for index, name in enumerate(CLASS_NAMES):
        hits, actual, claimed = (
            int(matrix[index, index]),
            int(matrix[index].sum()),
            int(matrix[:, index].sum()),
        )
        others = total - actual
        without = f"no {name} image in this split" if actual == 0 else ""
        alone = without or (f"only {name} images in this split" if others == 0 else "")
        per_class[name] = {
            "sensitivity": rate(hits, actual, without),
            "specificity": rate(others - (claimed - hits), others, f"only {name} images in this split"),
            "ppv": rate(hits, claimed, f"{name} was never predicted"),
            "f1": resampled(f"f1 {name}", without),
            "roc_auc": undefined(total, alone) if alone else resampled(f"roc_auc {name}"),
            "pr_auc": undefined(total, alone) if alone else resampled(f"pr_auc {name}"),
        }
    return Metrics(overall, per_class, matrix.tolist(), reliability_bins(truth, answers.probabilities), total, patients)


def point_values(answers: Answers) -> dict[str, float]:
    """The resampled figures on the images themselves, by scikit-learn; NaN where not defined."""
    truth, predicted, probabilities = answers.truth, answers.predicted, answers.probabilities
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
        "ece": float(calibration_error(truth, probabilities, once)[0]),
        "brier": float(brier_score(truth, probabilities, once)[0]),
    }
    for index, name in enumerate(CLASS_NAMES):
        positive, scores = truth == index, probabilities[:, index]
        both = positive.any() and not positive.all()
        values[f"sensitivity {name}"] = sensitivity[index]
        values[f"f1 {name}"] = float(f1[index]) if index in present else math.nan
        values[f"roc_auc {name}"] = float(roc_auc_score(positive, scores)) if both else math.nan
        values[f"pr_auc {name}"] = float(average_precision_score(positive, scores)) if both else math.nan
    values["roc_auc_macro"] = float(np.mean([values[f"roc_auc {name}"] for name in CLASS_NAMES]))
    values["pr_auc_macro"] = float(np.mean([values[f"pr_auc {name}"] for name in CLASS_NAMES]))
    return values


def replicate_values(answers: Answers, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of `point_values` under each row of `weights` (b, N): each (b,), NaN where not defined."""
    values = confusion_metrics(confusions(answers.truth, answers.predicted, weights))
    for index, name in enumerate(CLASS_NAMES):
        roc, pr = ranking_areas(answers.truth == index, answers.probabilities[:, index], weights)
        values[f"roc_auc {name}"] = roc
        values[f"pr_auc {name}"] = pr
    values["roc_auc_macro"] = np.mean([values[f"roc_auc {name}"] for name in CLASS_NAMES], axis=0)
    values["pr_auc_macro"] = np.mean([values[f"pr_auc {name}"] for name in CLASS_NAMES], axis=0)
    values["ece"] = calibration_error(answers.truth, answers.probabilities, weights)
    values["brier"] = brier_score(answers.truth, answers.probabilities, weights)
    return values


def _replicate_values(answers: Answers, replicates: int, seed: int) -> dict[str, np.ndarray]:
    blocks = [
        replicate_values(answers, weights)
        for weights in patient_weights(answers.patients, replicates=replicates, seed=seed)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
