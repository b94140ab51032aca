"""Every picture of a report, from an evaluation."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from evaluation import galleries, plots
from evaluation.evaluate import Evaluation
from evaluation.galleries import ExplanationPicture
from explanations import ExplainOptions, explain_batch
from model_src.classes import CLASS_NAMES
from model_src.networks.coronet import CoroNet
from train.progress import track


def draw(evaluation: Evaluation) -> dict[str, Figure]:
    """Every picture of a report but the explanations, by name."""
    results, size = evaluation.results, evaluation.classifier.image_size
    figures = {
        "confusion": plots.confusion_plot(evaluation.metrics),
        "curves": plots.curve_plots(evaluation.predictions, evaluation.metrics),
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
    evaluation: Evaluation, coronet: CoroNet, options: ExplainOptions, *, per_class: int = galleries.PATIENTS_PER_CLASS
) -> ExplanationPicture:
    """Figure 2 for one explanation method: random patients of each class and what their predictions rest on."""
    rows, sign = [], ""
    device = next(coronet.parameters()).device
    for label in track(range(len(CLASS_NAMES)), len(CLASS_NAMES), f"Explaining, {options.method}", "classes"):
        chosen = galleries.patients_of_class(evaluation.results, label, per_class, evaluation.seed)
        if not chosen:
            continue
        xrays = [galleries.read_example(evaluation.files[i], evaluation.classifier.image_size) for i in chosen]
        results = [evaluation.results[i] for i in chosen]
        x = torch.stack([xray.tensor for xray in xrays]).to(device)
        explained = explain_batch(coronet, x, [result.predicted for result in results], options)
        rows.append((label, xrays, explained, results))
        sign = explained[0].sign
    return ExplanationPicture(options.method, galleries.explanation_gallery(rows), sign)
