"""From model and images to figures: predictions, metrics, the shortcut check, the engine check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evaluation.abstention.judged import JudgedClassifier
from evaluation.engine_check import EngineCheck, EngineClassifier
from evaluation.honest import Honest, honest, require_sources
from evaluation.intervals import REPLICATES
from evaluation.metrics import Metrics, measure
from evaluation.predictions import Classifier, DecodedImage, Skipped, predict_split
from evaluation.probes import PROBES
from evaluation.results import ImageResult, Predictions
from evaluation.shortcuts import ProbeResult, ShortcutProbing
from evaluation.subgroups import Subgroup, subgroups
from model_src.calibration.judge import Judge
from model_src.calibration.judgement import Judgement
from train.data.examples import Example


@dataclass(frozen=True)
class Evaluation:
    """What a classifier predicted on a split and what follows from it.

    Attributes:
        results, files: one per readable image, in the split's order.
        skipped: images that could not be read.
        shortcuts: one result per probe, empty when they were not asked for.
        subgroups: figures by source, view, sex and age band.
        honest: the paper's tables on chosen sources, and what no source can flatter.
        judgements: one per result, of a calibrated model; else none.
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
    subgroups: list[Subgroup]
    honest: Honest
    engine_check: EngineCheck | None = None
    judgements: list[Judgement] = field(default_factory=list, repr=False)


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
    paper_sources: Sequence[str] = (),
    judge: Judge | None = None,
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
        paper_sources: sources whose films stand beside the paper's tables, none for all.
        judge: of a calibrated model.

    Raises:
        DataError: an unreadable image, or none to evaluate; or a source of `paper_sources` without a film.
        RunError: the model's answer is not a number.
    """
    require_sources(paper_sources, [example.source for example in examples])
    probing = ShortcutProbing(classifier, PROBES if probe_shortcuts else ())
    skipped: list[Skipped] = []
    files: list[Path] = []

    def each(batch: list[DecodedImage]) -> None:
        probing.classify(batch)
        files.extend(Path(item.example.path) for item in batch)

    answered = partial(predict_split, examples=examples, roots=roots, batch_size=batch_size)
    judged = JudgedClassifier(classifier, judge) if judge else None
    results = answered(judged or classifier, skipped=skipped if skip_unreadable else None, each=each)
    check = None
    if isinstance(classifier, EngineClassifier):
        reference = answered(classifier.reference, skipped=[] if skip_unreadable else None)
        check = EngineCheck.of(classifier.engine, results, reference)
    judgements = judged.judgements(results) if judged else []
    predictions = Predictions.of(results)
    metrics = measure(predictions, replicates=replicates, seed=seed)
    groups = subgroups(results, replicates=replicates, seed=seed)
    return Evaluation(
        classifier,
        results,
        files,
        skipped,
        metrics,
        probing.results(predictions, replicates=replicates, seed=seed),
        seed,
        replicates,
        predictions,
        groups,
        honest(results, groups, metrics, classifier.provenance, paper_sources, replicates=replicates, seed=seed),
        check,
        judgements,
    )
