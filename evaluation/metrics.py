"""All figures of an evaluation, each with its count and its 95% interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_NEVER = Estimate(0.0, 0.0, 0.0, None, 0, "none")  # the precision of a class that is never predicted


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
    drawn, drawn_gaps = _resample(predictions, replicates, seed)
    own = _Sample(predictions, point_values(predictions), drawn)
    per_class = {name: _of_class(own, label) for label, name in enumerate(CLASS_NAMES)}
    ece, ece_debiased = calibration_estimates(
        bin_gaps(predictions.truth, predictions.probabilities, np.ones((1, own.total)))[0],
        drawn_gaps,
        unseen_spread(predictions.truth, predictions.probabilities),
        own.patients,
        own.total,
    )
    return Metrics(
        _over_classes(own, per_class)
        | {"ece": ece, "ece_debiased": ece_debiased, "brier": own.share("brier", largest=2)},
        per_class,
        confusion_matrix(predictions.truth, predictions.predicted, labels=_LABELS).tolist(),
        reliability_bins(predictions.truth, predictions.probabilities, predictions.patients),
        own.total,
        own.patients,
    )


@dataclass(frozen=True)
class _Sample:
    """Predictions with their figures (`point_values`), and the same of resampled patients (`replicate_values`)."""

    predictions: Predictions
    points: dict[str, float]
    drawn: dict[str, np.ndarray]

    @property
    def total(self) -> int:
        return len(self.predictions.truth)

    @property
    def patients(self) -> int:
        return len(set(self.predictions.patients))

    def rarer(self, label: int) -> int:
        """Patients of the class or of the others, whichever are fewer."""
        return patients_of_rarer_side(self.predictions.patients, self.predictions.truth == label)

    def share(self, name: str, note: str = "", largest: float = 1.0, rests_on: int | None = None) -> Estimate:
        """A figure that is no rate; `rests_on` a number of patients, None for all."""
        patients = self.patients if rests_on is None else rests_on
        return share_estimate(self.points[name], self.drawn[name], patients, self.total, note, largest)

    def rate(self, hits: np.ndarray, among: np.ndarray | None = None, otherwise: str = "") -> Estimate:
        return clustered_rate(hits, self.predictions.patients, otherwise, among=among)


def _of_class(own: _Sample, label: int) -> dict[str, Estimate]:
    """The figures of one class against the others."""
    name, actual, claimed = CLASS_NAMES[label], own.predictions.truth == label, own.predictions.predicted == label
    rarer = own.rarer(label)
    without = "" if actual.any() else f"no {name} image in this split"
    alone = without or (f"only {name} images in this split" if actual.all() else "")
    return {
        "sensitivity": own.rate(claimed, actual, without),
        "specificity": own.rate(~claimed, ~actual, f"only {name} images in this split"),
        "ppv": own.rate(actual, claimed, f"{name} was never predicted"),
        "f1": own.share(f"f1 {name}", without, rests_on=rarer),
        "roc_auc": undefined(own.total, alone) if alone else own.share(f"roc_auc {name}", rests_on=rarer),
        "pr_auc": undefined(own.total, alone) if alone else own.share(f"pr_auc {name}", rests_on=rarer),
    }


def _over_classes(own: _Sample, per_class: dict[str, dict[str, Estimate]]) -> dict[str, Estimate]:
    """Accuracy, and what is put together from the classes' figures."""
    truth, predicted = own.predictions.truth, own.predictions.predicted
    absent = [name for label, name in enumerate(CLASS_NAMES) if label not in truth]
    unclaimed = [name for label, name in enumerate(CLASS_NAMES) if label in truth and label not in predicted]
    missing = f"no {' or '.join(absent)} image in this split" if absent else ""
    never = f"{' and '.join(unclaimed)} never predicted: its precision counts as 0" if unclaimed else ""
    fewest = min(map(own.rarer, _LABELS))
    accuracy = own.rate(truth == predicted)
    balanced = mean_of_rates([figures["sensitivity"] for figures in per_class.values()], own.total, missing)
    precisions = [figures["ppv"] if figures["ppv"].total else _NEVER for figures in per_class.values()]
    areas = {}
    for area in ("roc_auc", "pr_auc"):
        mean = own.share(f"{area}_macro", missing, rests_on=fewest)
        unsure = [name for name, figures in per_class.items() if figures[area].low is None]
        if mean.value is not None and mean.low is not None and unsure:
            mean = without_interval(mean.value, own.total, f"no interval: {' and '.join(unsure)} alone has none")
        areas[f"{area}_macro"] = mean
    return {
        "accuracy": accuracy,
        "balanced_accuracy": balanced,
        "precision_weighted": own.share("precision_weighted", never),
        "recall_weighted": accuracy,
        "f1_weighted": own.share("f1_weighted"),
        "precision_macro": undefined(own.total, missing) if absent else mean_of_rates(precisions, own.total, never),
        "recall_macro": balanced,
        "f1_macro": own.share("f1_macro", missing, rests_on=fewest),
        **areas,
    }


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


def patients_of_rarer_side(patients: Sequence[str], side: np.ndarray) -> int:
    """Patients with an image on the one `side` (bool (N,)) or on the other, whichever are fewer but not none.

    An area, or F1, is no surer than they allow.
    """
    return min(len(set(compress(patients, chosen))) for chosen in (side, ~side) if chosen.any())


def _resample(predictions: Predictions, replicates: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The figures of `replicate_values` for resampled patients, and the gaps of the bins of confidence."""
    blocks, gaps = [], []
    for weights in patient_weights(predictions.patients, replicates=replicates, seed=seed):
        blocks.append(replicate_values(predictions, weights))
        gaps.append(bin_gaps(predictions.truth, predictions.probabilities, weights))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}, np.concatenate(gaps)
