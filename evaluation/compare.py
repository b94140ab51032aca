"""Two evaluations of the same images: is one model better, or could chance do that?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from evaluation.intervals import REPLICATES, Estimate, difference_estimate, patient_weights
from evaluation.resampled import confusion_metrics, confusions
from evaluation.results import CSV_NAME, ImageResult, Predictions, read_results
from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of B with A; differences are B - A, in shares."""

    images: int
    patients: int
    accuracy_a: float
    accuracy_b: float
    both_right: int
    only_a_right: int
    only_b_right: int
    both_wrong: int
    mcnemar_p: float
    accuracy_difference: Estimate
    balanced_accuracy_difference: Estimate

    def as_json(self) -> dict[str, Any]:
        """JSON types only, with the outcome in words."""
        return asdict(self) | {"outcome": self.outcome}

    @property
    def counts(self) -> str:
        """Images that both, only A, only B, neither got right."""
        return f"{self.both_right} / {self.only_a_right} / {self.only_b_right} / {self.both_wrong}"

    @property
    def outcome(self) -> str:
        """What the comparison shows, in a sentence or two."""
        discordant = self.only_a_right + self.only_b_right
        if discordant == 0:
            return f"A and B are right and wrong on the same images, all {self.images} of them: no difference."
        difference = self.accuracy_difference
        points = f"{abs(difference.value or 0) * 100:.1f} points"
        interval = ""
        if difference.low is not None and difference.high is not None:
            interval = f", 95% interval of B - A {difference.low * 100:+.1f} to {difference.high * 100:+.1f}"
        evidence = f"McNemar p = {format_p(self.mcnemar_p)}{interval}"
        holds_none = difference.low is None or difference.high is None or difference.low <= 0 <= difference.high
        if self.mcnemar_p < 0.05 and not holds_none:
            better, worse = ("B", "A") if self.only_b_right > self.only_a_right else ("A", "B")
            return f"{better} is more accurate than {worse} by {points} ({evidence})."
        return (
            f"These {self.images} images do not show which is better: accuracies differ by {points} "
            f"({evidence}), with {discordant} images where only one of the two is right."
        )


def format_p(p: float) -> str:
    """A p-value for people: no false digits, no 0."""
    return "under 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def compare(
    a: Sequence[ImageResult], b: Sequence[ImageResult], *, replicates: int = REPLICATES, seed: int = 0
) -> Comparison:
    """Compare two evaluations image by image, whatever their order.

    McNemar's exact test asks whether the images that only one of the two gets right fall evenly. It takes images as
    independent. The bootstrap resamples patients, the same ones for both. One is called better where both say so.

    Raises:
        DataError: they are not of the same images.
    """
    a, b = _paired(a, b)
    first, second = Predictions.of(a), Predictions.of(b)
    right_a, right_b = first.predicted == first.truth, second.predicted == second.truth
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    patients, total = len(set(first.patients)), len(a)
    point = paired_differences(first, second, np.ones((1, total)))
    blocks = [
        paired_differences(first, second, weights)
        for weights in patient_weights(first.patients, replicates=replicates, seed=seed)
    ]

    def difference(name: str) -> Estimate:
        drawn = np.concatenate([block[name] for block in blocks])
        note = "" if np.isfinite(point[name][0]) else _missing_classes(first)
        return difference_estimate(float(point[name][0]), drawn, patients, total, note)

    return Comparison(
        images=total,
        patients=patients,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        both_right=int((right_a & right_b).sum()),
        only_a_right=only_a,
        only_b_right=only_b,
        both_wrong=int((~right_a & ~right_b).sum()),
        mcnemar_p=mcnemar_exact(only_a, only_b),
        accuracy_difference=difference("accuracy"),
        balanced_accuracy_difference=difference("balanced_accuracy"),
    )


def mcnemar_exact(only_a_right: int, only_b_right: int) -> float:
    """Two-sided exact p-value (McNemar 1947): a fair coin for each image that only one of them gets right."""
    discordant = only_a_right + only_b_right
    return float(binomtest(only_a_right, discordant, 0.5).pvalue) if discordant else 1.0


def paired_differences(a: Predictions, b: Predictions, weights: np.ndarray) -> dict[str, np.ndarray]:
    """B - A of every figure of `confusion_metrics` under each row of `weights` (b, N)."""
    ours = confusion_metrics(confusions(b.truth, b.predicted, weights))
    theirs = confusion_metrics(confusions(a.truth, a.predicted, weights))
    return {name: ours[name] - theirs[name] for name in ours}


def load_report(path: Path) -> list[ImageResult]:
    """The per-image results of a report folder, or of a per_image.csv itself.

    Raises:
        DataError: neither of the two.
    """
    if path.is_dir() and (path / CSV_NAME).is_file():
        return read_results(path / CSV_NAME)
    if path.is_file() and path.suffix == ".csv":
        return read_results(path)
    found = "no such file or folder" if not path.exists() else f"no {CSV_NAME} in it"
    raise DataError(
        f"{path}: {found}; --compare takes two report folders, made with: "
        "coronet evaluate MODEL DATA_DIR --out REPORT_DIR"
    )


def write_comparison(comparison: Comparison, a: Path, b: Path, path: Path) -> None:
    """Write the comparison of reports `a` and `b` as JSON."""
    facts = {"kind": "coronet comparison", "a": str(a), "b": str(b)} | comparison.as_json()
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _paired(a: Sequence[ImageResult], b: Sequence[ImageResult]) -> tuple[list[ImageResult], list[ImageResult]]:
    """Both in the order of their paths, after checking that they are the same images."""
    first, second = _by_line(a), _by_line(b)
    if different := sorted(first.keys() ^ second.keys()):
        side = "A" if different[0] in first else "B"
        raise DataError(
            f"A has {len(first)} images and B {len(second)}; the first that differs is {different[0][0]}, only "
            f"in {side}: evaluate both models on the same split of the same data directory"
        )
    lines = sorted(first)
    for line in lines:
        path, one, other = line[0], first[line], second[line]
        if one.sha256 != other.sha256:
            raise DataError(f"{path}: the file differs between A and B (SHA-256): evaluate both on the same data")
        if one.truth != other.truth:
            labels = CLASS_NAMES[one.truth], CLASS_NAMES[other.truth]
            raise DataError(
                f"{path}: labelled {labels[0]} in A and {labels[1]} in B: evaluate both with the same labels"
            )
    return [first[line] for line in lines], [second[line] for line in lines]


def _by_line(results: Sequence[ImageResult]) -> dict[tuple[str, int], ImageResult]:
    """By path and how often it came before: label files list images several times, and every line counts."""
    seen: Counter[str] = Counter()
    lines = {}
    for result in results:
        lines[result.path, seen[result.path]] = result
        seen[result.path] += 1
    return lines


def _missing_classes(answers: Predictions) -> str:
    absent = [name for index, name in enumerate(CLASS_NAMES) if not np.any(answers.truth == index)]
    return f"no {' or '.join(absent)} image in this split"
