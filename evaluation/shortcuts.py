"""Does the model see the disease, or where the image comes from?

In COVIDx and its kin the COVID-19 images come from other hospitals, journals and file formats than the rest,
so a network can score by telling sources apart. Every image is classified again as each probe alters it. A
model that reads lungs keeps its answers while they stay visible and loses them when they are gone.
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
    bootstrap_estimate,
    patient_weights,
    rate,
    undefined,
)
from evaluation.metrics import Answers
from evaluation.predictions import Classifier, Decoded
from evaluation.probes import PROBES, Probe
from evaluation.resampled import confusion_metrics, confusions, ranking_areas
from evaluation.wording import change
from model_src.classes import CLASS_NAMES, COVID
from model_src.imaging.xray import resize_pixels

FIGURES = ("accuracy", "balanced_accuracy", "covid_sensitivity", "covid_roc_auc")


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
    """Collects the classifier's answers for altered images, batch by batch, beside the plain evaluation."""

    classifier: Classifier
    probes: Sequence[Probe] = PROBES
    _probabilities: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def classify(self, batch: Sequence[Decoded]) -> None:
        """Classify one decoded batch as every probe alters it."""
        for probe in self.probes:
            altered = [resize_pixels(probe.alter(item.pixels), self.classifier.image_size) for item in batch]
            answer = self.classifier.classify(torch.stack(altered))
            self._probabilities.setdefault(probe.name, []).append(answer.probabilities.double().cpu().numpy())

    def results(self, original: Answers, *, replicates: int = REPLICATES, seed: int = 0) -> list[ProbeResult]:
        """One result per probe, against the answers for the unaltered images in the same order."""
        return [
            _result(probe, original, np.concatenate(self._probabilities[probe.name]), replicates, seed)
            for probe in self.probes
        ]


def _result(probe: Probe, original: Answers, probabilities: np.ndarray, replicates: int, seed: int) -> ProbeResult:
    altered = Answers(original.truth, probabilities.argmax(axis=1), probabilities, original.patients)
    total, patients = len(original.truth), len(set(original.patients))
    once = np.ones((1, total))
    before, after = _figures(original, once), _figures(altered, once)
    drawn = [
        (_figures(original, weights), _figures(altered, weights))
        for weights in patient_weights(original.patients, replicates=replicates, seed=seed)
    ]
    estimates: dict[str, Estimate] = {}
    changes: dict[str, Estimate] = {}
    for name in FIGURES:
        plain, probed = (np.concatenate([block[side][name] for block in drawn]) for side in (0, 1))
        if not np.isfinite(after[name][0]):
            estimates[name] = changes[name] = undefined(total, "a class this needs is missing in this split")
            continue
        estimates[name] = bootstrap_estimate(float(after[name][0]), probed, patients, total)
        changes[name] = bootstrap_estimate(float(after[name][0] - before[name][0]), probed - plain, patients, total)
    kept = int((altered.predicted == original.predicted).sum())
    return ProbeResult(probe, estimates, changes, rate(kept, total))


def _figures(answers: Answers, weights: np.ndarray) -> dict[str, np.ndarray]:
    """FIGURES under each row of `weights` (b, N): each (b,)."""
    values = confusion_metrics(confusions(answers.truth, answers.predicted, weights))
    roc, _ = ranking_areas(answers.truth == COVID, answers.probabilities[:, COVID], weights)
    return {
        "accuracy": values["accuracy"],
        "balanced_accuracy": values["balanced_accuracy"],
        "covid_sensitivity": values[f"sensitivity {CLASS_NAMES[COVID]}"],
        "covid_roc_auc": roc,
    }


def verdict(results: Sequence[ProbeResult]) -> list[str]:
    """What the probes show, in plain sentences."""
    sentences = []
    if falls := [r for r in results if r.probe.keeps_lungs and r.change["accuracy"].value is not None]:
        worst = min(falls, key=lambda r: r.change["accuracy"].value or 0)
        moved = worst.change["accuracy"]
        points = f"{change(moved, 'percent')} points"
        said = f"With the lungs in view, accuracy suffers most from {_named(worst)}: {points}"
        if (moved.value or 0) >= 0:
            sentences.append("With the lungs in view, accuracy falls under no alteration.")
        elif moved.high is not None and moved.high < 0:
            sentences.append(f"{said}. The model leans on what that alteration takes away.")
        else:
            sentences.append(f"{said}, no more than chance could do.")
    for result in results:
        area = result.altered["covid_roc_auc"]
        if result.probe.keeps_lungs or area.value is None:
            continue
        interval = "" if area.low is None or area.high is None else f" ({area.low:.2f} to {area.high:.2f})"
        told = f"COVID-19 is told from the rest with ROC area {area.value:.2f}{interval}"
        said = f"From {_named(result)}, {told}; 0.50 is guessing."
        if area.low is not None and area.low > 0.5:
            said += " No lung is needed for that: part of the accuracy can rest on where images come from."
        sentences.append(said)
    return sentences


def _named(result: ProbeResult) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{result.probe.title}\N{RIGHT DOUBLE QUOTATION MARK}"
