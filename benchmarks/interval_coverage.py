"""How often the 95% intervals of `coronet evaluate` hold the truth, on data sets made so that the truth is known.

    python -m benchmarks.interval_coverage [--images 226] [--sets 1000] [--replicates 400] [--models calibrated ...]

Three classes in the shares of a chest data set; a model's scores are the truth plus noise, so that its probabilities
are exact, too sure or not sure enough. The truth of a figure is its value on a million images. Seeded: the same command
gives the same table. Columns: how often the interval holds the truth; how often it lies wholly above and below it; how
often there is none; its mean width; the estimate's bias.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.errors import errors_in_one_line
from evaluation.compare import compare
from evaluation.intervals import Estimate
from evaluation.metrics import Metrics, measure, point_values
from evaluation.results import ImageResult, Predictions
from model_src.classes import CLASS_NAMES
from train.progress import track

LARGE = 1_000_000  # images that stand for all


@dataclass(frozen=True)
class Model:
    """A made-up model.

    Attributes:
        shares: of the three classes among images.
        skill: distance of the true class's score from the others', in standard deviations of the noise.
        sharpness: 1 for exact probabilities, more for a model that is too sure.
        per_patient: largest number of images of a patient, which share nine tenths of their noise.
    """

    shares: tuple[float, float, float]
    skill: float
    sharpness: float
    per_patient: int = 1

    def draw(self, images: int, rng: np.random.Generator) -> Predictions:
        """Predictions for as many images of random patients."""
        counts = rng.integers(1, self.per_patient + 1, images)
        patient = np.repeat(np.arange(images), counts)[:images]
        truth = rng.choice(3, images, p=self.shares)[patient]
        shared = np.sqrt(0.9 if self.per_patient > 1 else 0.0)
        noise = shared * rng.normal(size=(images, 3))[patient] + np.sqrt(1 - shared**2) * rng.normal(size=(images, 3))
        noise[np.arange(images), truth] += self.skill
        logits = self.sharpness * (np.log(self.shares) + self.skill * noise)
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return Predictions(truth, probabilities.argmax(axis=1), probabilities, [f"p{i:07d}" for i in patient])


MODELS = {
    "calibrated": Model((0.45, 0.35, 0.2), 2.2, 1.0),
    "too-sure": Model((0.45, 0.35, 0.2), 1.8, 2.0),
    "unsure": Model((0.45, 0.35, 0.2), 2.5, 0.6),
    "weak": Model((0.4, 0.3, 0.3), 1.0, 1.5),
    "rare": Model((0.5, 0.4, 0.1), 3.0, 1.3),
    "several-images": Model((0.45, 0.35, 0.2), 2.0, 1.5, per_patient=4),
    "few-mistakes": Model((0.45, 0.35, 0.2), 2.8, 1.3, per_patient=4),
}


@dataclass
class Coverage:
    """What became of one figure's intervals."""

    truth: float
    above: int = 0  # intervals that lie above the truth
    below: int = 0
    without: int = 0
    total: int = 0
    width: float = 0.0
    error: float = 0.0

    def add(self, estimate: Estimate) -> None:
        """Count one more data set."""
        self.total += 1
        if estimate.value is None or estimate.low is None or estimate.high is None:
            self.without += 1
            return
        if not estimate.low <= estimate.value <= estimate.high:
            raise SystemExit(f"an interval does not hold its estimate: {estimate}")
        self.above += estimate.low > self.truth
        self.below += estimate.high < self.truth
        self.width += estimate.high - estimate.low
        self.error += estimate.value - self.truth

    @property
    def held(self) -> float:
        """Share of the intervals that hold the truth."""
        return 1 - (self.above + self.below) / max(1, self.total - self.without)


def estimates(metrics: Metrics) -> dict[str, Estimate]:
    """The figures that are followed, by name."""
    rare = CLASS_NAMES[-1]
    names = ("sensitivity", "ppv", "f1", "roc_auc", "pr_auc")
    return metrics.overall | {f"{name} {rare}": metrics.per_class[rare][name] for name in names}


def truths(model: Model, images: int) -> dict[str, float]:
    """The same figures on very many images."""
    predictions = model.draw(images, np.random.default_rng(1))
    values = point_values(predictions)
    rare = len(CLASS_NAMES) - 1
    called = predictions.predicted == rare
    return values | {
        "recall_weighted": values["accuracy"],
        "recall_macro": values["balanced_accuracy"],
        "ece_debiased": values["ece"],
        f"ppv {CLASS_NAMES[rare]}": float((predictions.truth[called] == rare).mean()),
    }


def coverage(model: Model, images: int, sets: int, replicates: int, large: int = LARGE) -> dict[str, Coverage]:
    """Measure `sets` data sets of `images` images."""
    known = truths(model, large)
    found: dict[str, Coverage] = {}
    rng = np.random.default_rng(2)
    for seed in range(sets):
        metrics = measure(model.draw(images, rng), replicates=replicates, seed=seed)
        for name, estimate in estimates(metrics).items():
            found.setdefault(name, Coverage(known[name])).add(estimate)
    return found


def difference_coverage(images: int, sets: int, replicates: int, large: int) -> Coverage:
    """The difference in accuracy of two models on the same images: the truth is that of the models."""
    a, b = Model((0.45, 0.35, 0.2), 2.2, 1.0), Model((0.45, 0.35, 0.2), 1.9, 1.0)
    known = [point_values(model.draw(large, np.random.default_rng(1)))["accuracy"] for model in (a, b)]
    result = Coverage(known[1] - known[0])
    for seed in range(sets):  # the same seed: the same patients and the same noise
        first, second = (list(_rows(model.draw(images, np.random.default_rng([3, seed])))) for model in (a, b))
        result.add(compare(first, second, replicates=replicates, seed=seed).accuracy_difference)
    return result


def _rows(predictions: Predictions) -> Iterator[ImageResult]:
    for index, (truth, predicted) in enumerate(zip(predictions.truth, predictions.predicted, strict=True)):
        p = tuple(predictions.probabilities[index].tolist())
        name = f"{index:06d}"
        yield ImageResult(name, predictions.patients[index], "", int(truth), int(predicted), p, None, None, name, ())


def table(name: str, found: dict[str, Coverage]) -> str:
    """One model's figures as a Markdown table."""
    lines = [
        f"| {name} | truth | holds it | above | below | none | width | bias |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for figure, c in found.items():
        given = max(1, c.total - c.without)
        lines.append(
            f"| {figure} | {c.truth:.4f} | {c.held:.1%} | {c.above / given:.1%} | {c.below / given:.1%} "
            f"| {c.without / c.total:.1%} | {c.width / given:.4f} | {c.error / given:+.4f} |"
        )
    return "\n".join(lines)


@errors_in_one_line()
def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=226)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=list(MODELS))
    parser.add_argument("--large", type=int, default=LARGE, help="images that the truth is counted on")
    args = parser.parse_args(arguments)
    print(f"{args.sets} data sets of {args.images} images each, {args.replicates} resamples\n")
    for name in track(args.models, len(args.models), "Measuring", "models"):
        print(
            table(name, coverage(MODELS[name], args.images, args.sets, args.replicates, args.large)) + "\n", flush=True
        )
    difference = difference_coverage(args.images, args.sets, args.replicates, args.large)
    print(table("two models", {"difference in accuracy": difference}), flush=True)


if __name__ == "__main__":
    main()
