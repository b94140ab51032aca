"""One evaluation from model and images to figures: everything of a report except writing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure

from evaluation import galleries, plots
from evaluation.engine_check import EngineCheck, EngineClassifier
from evaluation.galleries import Explain, ExplanationPicture
from evaluation.intervals import REPLICATES
from evaluation.metrics import Answers, Metrics, measure
from evaluation.predictions import Classifier, Decoded, Skipped, predict_split
from evaluation.probes import PROBES
from evaluation.results import ImageResult
from evaluation.shortcuts import ProbeResult, ShortcutProbing
from model_src.classes import CLASS_NAMES
from train.data.data_dir import Example
from train.progress import track


@dataclass(frozen=True)
class Evaluation:
    """What a classifier answered on a split and what follows from it.

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
    answers: Answers = field(repr=False)
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
        DataError: an unreadable image, or none to judge.
        RunError: the model's answer is not a number.
    """
    probing = ShortcutProbing(classifier, PROBES if probe_shortcuts else ())
    skipped: list[Skipped] = []
    files: list[Path] = []

    def each(batch: list[Decoded]) -> None:
        probing.classify(batch)
        files.extend(Path(item.example.path) for item in batch)

    answered = partial(predict_split, examples=examples, roots=roots, batch_size=batch_size)
    results = answered(classifier, skipped=skipped if skip_unreadable else None, each=each)
    check = None
    if isinstance(classifier, EngineClassifier):
        reference = answered(classifier.reference, skipped=[] if skip_unreadable else None)
        check = EngineCheck.of(classifier.engine, results, reference)
    answers = Answers.of(results)
    return Evaluation(
        classifier,
        results,
        files,
        skipped,
        measure(answers, replicates=replicates, seed=seed),
        probing.results(answers, replicates=replicates, seed=seed),
        seed,
        replicates,
        answers,
        check,
    )


def draw(evaluation: Evaluation) -> dict[str, Figure]:
    """Every picture of a report but the explanations, by name."""
    results, size = evaluation.results, evaluation.classifier.image_size
    figures = {
        "confusion": plots.confusion_plot(evaluation.metrics),
        "curves": plots.curve_plots(evaluation.answers, evaluation.metrics),
        "reliability": plots.reliability_plot(evaluation.metrics),
    }
    typical = [
        index for label in range(len(CLASS_NAMES)) if (index := galleries.typical_of_class(results, label)) is not None
    ]
    xrays = [galleries.read_example(evaluation.files[index], size) for index in typical]
    labels = [results[index].truth for index in typical]
    if evaluation.classifier.coronet is not None:
        figures["reconstructions"] = galleries.reconstruction_gallery(evaluation.classifier.coronet, xrays, labels)
    if evaluation.shortcuts:
        figures["shortcuts"] = plots.shortcut_plot(evaluation.shortcuts)
        figures["probes"] = galleries.probe_gallery([r.probe for r in evaluation.shortcuts], xrays, labels)
    if mistakes := galleries.worst_mistakes(results):
        figures["mistakes"] = galleries.mistake_gallery(
            [galleries.read_example(evaluation.files[index], size) for index in mistakes],
            [results[index] for index in mistakes],
        )
    return figures


def draw_explanations(
    evaluation: Evaluation,
    explain: Explain,
    method: str,
    *,
    per_class: int = galleries.PATIENTS_PER_CLASS,
) -> ExplanationPicture:
    """Figure 2 for one explanation method: random patients of each class and what their answers rest on."""
    rows, sign = [], ""
    for label in track(range(len(CLASS_NAMES)), len(CLASS_NAMES), f"Explaining, {method}", "classes"):
        chosen = galleries.patients_of_class(evaluation.results, label, per_class, evaluation.seed)
        if not chosen:
            continue
        xrays = [galleries.read_example(evaluation.files[i], evaluation.classifier.image_size) for i in chosen]
        results = [evaluation.results[i] for i in chosen]
        explained = explain(torch.stack([xray.tensor for xray in xrays]), [r.predicted for r in results])
        rows.append((label, xrays, explained, results))
        sign = explained[0].sign
    return ExplanationPicture(method, galleries.explanation_gallery(rows), sign)
