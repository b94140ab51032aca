"""Does the model see the disease, or where the image comes from?

In COVIDx and its kin the COVID-19 images come from other hospitals, journals and file formats than the rest,
so a network can score by telling sources apart. Every image is classified again as each probe alters it. A
model that reads lungs keeps its predictions while they stay visible and loses them when they are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from evaluation.intervals import (
    REPLICATES,
    Estimate,
    clustered_rate,
    difference_estimate,
    mean_of_rates,
    patient_weights,
    share_estimate,
    undefined,
)
from evaluation.metrics import patients_of_rarer_side
from evaluation.predictions import Classifier, DecodedImage
from evaluation.probes import PROBES, Probe
from evaluation.resampled import confusion_metrics, confusions, divide, ranking_areas
from evaluation.results import Predictions
from evaluation.wording import change, interval, number
from model_src.classes import CLASS_NAMES, COVID
from model_src.imaging.xray import resize_pixels

FIGURES = ("accuracy", "balanced_accuracy", "covid_sensitivity", "covid_false_alarms", "covid_roc_auc")
LUNG_CROP = "lung_crop"  # the probe that a reader asks for first


@dataclass(frozen=True)
class ProbeResult:
    """What one probe did: each figure on the altered images, and how far it moved (altered - original)."""

    probe: Probe
    altered: dict[str, Estimate]  # by name, see FIGURES
    change: dict[str, Estimate]  # the same, paired: the same resampled patients for both
    answers_kept: Estimate  # images whose predicted class did not change

    def as_json(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "name": self.probe.name,
            "title": self.probe.title,
            "keeps_lungs": self.probe.keeps_lungs,
            "what": self.probe.what,
            "altered": {name: estimate.as_json() for name, estimate in self.altered.items()},
            "change": {name: estimate.as_json() for name, estimate in self.change.items()},
            "answers_kept": self.answers_kept.as_json(),
        }


@dataclass
class ShortcutProbing:
    """Collects the classifier's predictions for altered images, batch by batch, beside the plain evaluation."""

    classifier: Classifier
    probes: Sequence[Probe] = PROBES
    _probabilities: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def classify(self, batch: Sequence[DecodedImage]) -> None:
        """Classify one decoded batch as every probe alters it."""
        for probe in self.probes:
            altered = [resize_pixels(probe.alter(item.pixels), self.classifier.image_size) for item in batch]
            answer = self.classifier.classify(torch.stack(altered))
            self._probabilities.setdefault(probe.name, []).append(answer.probabilities.double().cpu().numpy())

    def results(self, original: Predictions, *, replicates: int = REPLICATES, seed: int = 0) -> list[ProbeResult]:
        """One result per probe, against the answers for the unaltered images in the same order."""
        return [
            _result(probe, original, np.concatenate(self._probabilities[probe.name]), replicates, seed)
            for probe in self.probes
        ]


def _result(probe: Probe, original: Predictions, probabilities: np.ndarray, replicates: int, seed: int) -> ProbeResult:
    altered = Predictions(original.truth, probabilities.argmax(axis=1), probabilities, original.patients)
    total, patients = len(original.truth), len(set(original.patients))
    once = np.ones((1, total))
    before, after = _figures(original, once), _figures(altered, once)
    drawn = [
        (_figures(original, weights), _figures(altered, weights))
        for weights in patient_weights(original.patients, replicates=replicates, seed=seed)
    ]
    plain, probed = (
        {name: np.concatenate([block[side][name] for block in drawn]) for name in after} for side in (0, 1)
    )
    point = {name: float(value[0]) for name, value in after.items()}
    covid, called = original.truth == COVID, altered.predicted == COVID
    missing = "a class this needs is missing in this split"
    rarer = patients_of_rarer_side(original.patients, covid)
    sensitivities = [
        clustered_rate(altered.predicted == label, original.patients, missing, among=original.truth == label)
        for label in range(len(CLASS_NAMES))
    ]
    estimates = {
        "accuracy": clustered_rate(altered.predicted == original.truth, original.patients),
        "balanced_accuracy": mean_of_rates(sensitivities, total, missing),
        "covid_sensitivity": sensitivities[COVID],
        "covid_false_alarms": clustered_rate(called, original.patients, missing, among=~covid),
        "covid_roc_auc": share_estimate(point["covid_roc_auc"], probed["covid_roc_auc"], rarer, total, missing),
    }
    changes = {
        name: difference_estimate(
            point[name] - float(before[name][0]), probed[name] - plain[name], patients, total, missing
        )
        if np.isfinite(point[name])
        else undefined(total, missing)
        for name in FIGURES
    }
    kept = clustered_rate(altered.predicted == original.predicted, original.patients)
    return ProbeResult(probe, estimates, changes, kept)


def _figures(predictions: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """FIGURES, and every class's sensitivity, under each row of `weights` (b, N): each (b,)."""
    matrices = confusions(predictions.truth, predictions.predicted, weights)
    values = confusion_metrics(matrices)
    others = np.delete(matrices, COVID, axis=1)
    roc, _ = ranking_areas(predictions.truth == COVID, predictions.probabilities[:, COVID], weights)
    return values | {
        "covid_sensitivity": values[f"sensitivity {CLASS_NAMES[COVID]}"],
        "covid_false_alarms": divide(others[:, :, COVID].sum(axis=1), others.sum(axis=(1, 2))),
        "covid_roc_auc": roc,
    }


def caveat(results: Sequence[ProbeResult], accuracy: Estimate) -> str:
    """What a reader has to know before any figure: how the model does when it is shown the lungs and little else.

    Args:
        results: of the probes, empty where they were not asked for.
        accuracy: on the unaltered images.
    """
    crop = next((result for result in results if result.probe.name == LUNG_CROP), None)
    if crop is None:
        return (
            "Not checked: whether this model reads lungs, or tells where images come from. Without that, no figure "
            "below says that it knows a disease (coronet evaluate --probe-shortcuts)."
        )
    found, moved = crop.altered["accuracy"], crop.change["accuracy"]
    counts = f"{number(found, 'percent')} of the images right ({interval(found, 'percent')})"
    whole = f"{number(accuracy, 'percent')} on whole images"
    if moved.high is not None and moved.high < 0:
        return (
            f"Cropped to the lungs, this model gets {counts} instead of {whole}. The difference rests on what lies "
            "around the lungs: its figures below do not say that it knows a disease."
        )
    return f"Cropped to the lungs, this model gets {counts}; {whole}. No fall that chance could not explain."


def verdict(results: Sequence[ProbeResult]) -> list[str]:
    """What the probes show, in plain sentences."""
    sentences = []
    if falls := [r for r in results if r.probe.keeps_lungs and r.change["accuracy"].value is not None]:
        worst = min(falls, key=lambda r: r.change["accuracy"].value or 0)
        moved = worst.change["accuracy"]
        points = f"{change(moved, 'percent')} points"
        outcome = f"With the lungs in view, accuracy suffers most from {_named(worst)}: {points}"
        if (moved.value or 0) >= 0:
            sentences.append("With the lungs in view, accuracy falls under no alteration.")
        elif moved.high is not None and moved.high < 0:
            sentences.append(f"{outcome}. The model leans on what that alteration takes away.")
        else:
            sentences.append(f"{outcome}, no more than chance could do.")
    for result in results:
        area = result.altered["covid_roc_auc"]
        if result.probe.keeps_lungs or area.value is None:
            continue
        ends = "" if area.low is None or area.high is None else f" ({area.low:.2f} to {area.high:.2f})"
        told = f"COVID-19 is told from the rest with ROC area {area.value:.2f}{ends}"
        outcome = f"From {_named(result)}, {told}; 0.50 is guessing."
        if area.low is not None and area.low > 0.5:
            outcome += " No lung is needed for that: part of the accuracy can rest on where images come from."
        sentences.append(outcome)
    return sentences


def _named(result: ProbeResult) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{result.probe.title}\N{RIGHT DOUBLE QUOTATION MARK}"
