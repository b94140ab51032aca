"""From model and images to figures: predictions, metrics, the shortcut check, the engine check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evaluation.engine_check import EngineCheck, EngineClassifier
from evaluation.intervals import REPLICATES
from evaluation.metrics import Metrics, measure
from evaluation.predictions import Classifier, DecodedImage, Skipped, predict_split
from evaluation.probes import PROBES
from evaluation.results import ImageResult, Predictions
from evaluation.shortcuts import ProbeResult, ShortcutProbing
from train.data.examples import Example


@dataclass(frozen=True)
class Evaluation:
    """What a classifier predicted on a split and what follows from it.

    Attributes:
        results, files: one per readable image, in the split's order.
        skipped: images that could not be read.
        shortcuts: one result per probe, empty when they were not asked for.
        engine_check: for an engine of the server, its answers beside the artefacts' own.
    """

    classifier: Classifier
    results: list[ImageResult]
    files: list[Path]
    skipped: list[Skipped]
    metrics: Metrics
    shortcuts: list[ProbeResult]
    seed: int
    replicates: int
    predictions: Predictions = field(repr=False)
    engine_check: EngineCheck | None = None


def evaluate(
    classifier: Classifier,
    examples: Sequence[Example],
    roots: Sequence[Path],
    *,
    batch_size: int = 16,
    seed: int = 0,
    replicates: int = REPLICATES,
    probe_shortcuts: bool = False,
    skip_unreadable: bool = False,
) -> Evaluation:
    """Classify every example once (and once more per probe) and measure.

    Args:
        classifier: the model; run by an engine of the server, its artefacts answer as well, for comparison.
        examples: the split.
        roots: folders that paths in the results are relative to, the first that holds the image.
        batch_size: images per call of the classifier.
        seed: of the bootstrap.
        replicates: number of resamples.
        probe_shortcuts: classify altered copies as well.
        skip_unreadable: leave unreadable images out and list them, instead of stopping.

    Raises:
        DataError: an unreadable image, or none to evaluate.
        RunError: the model's answer is not a number.
    """
    probing = ShortcutProbing(classifier, PROBES if probe_shortcuts else ())
    skipped: list[Skipped] = []
    files: list[Path] = []

    def each(batch: list[DecodedImage]) -> None:
        probing.classify(batch)
        files.extend(Path(item.example.path) for item in batch)

    answered = partial(predict_split, examples=examples, roots=roots, batch_size=batch_size)
    results = answered(classifier, skipped=skipped if skip_unreadable else None, each=each)
    check = None
    if isinstance(classifier, EngineClassifier):
        reference = answered(classifier.reference, skipped=[] if skip_unreadable else None)
        check = EngineCheck.of(classifier.engine, results, reference)
    predictions = Predictions.of(results)
    return Evaluation(
        classifier,
        results,
        files,
        skipped,
        measure(predictions, replicates=replicates, seed=seed),
        probing.results(predictions, replicates=replicates, seed=seed),
        seed,
        replicates,
        predictions,
        check,
    )
