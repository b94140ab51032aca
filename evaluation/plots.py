"""A report's plots: confusion matrix, ROC and precision-recall curves, reliability diagram, shortcut check.

Every function returns a matplotlib Figure without touching pyplot's global state. Classes are told apart by
the Okabe-Ito colours, which people with any colour vision can, and by line style and marker, which survive a
gray printer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from evaluation.calibration import BINS
from evaluation.intervals import Estimate
from evaluation.metrics import Metrics
from evaluation.results import Predictions
from evaluation.shortcuts import ProbeResult
from model_src.classes import CLASS_NAMES

CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73")
CLASS_LINES = ("-", (0, (5, 2)), (0, (1, 1.2)))
CLASS_MARKERS = ("o", "s", "D")
INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that makes room for its labels."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def plain(axes: Axes, *, grid: bool = True) -> Axes:
    """Take the box and the shouting out of a plot."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(color=GRID, linewidth=0.8)
    return axes


def confusion_plot(metrics: Metrics) -> Figure:
    """Counts, and the share of each true class, coloured by that share."""
    counts = np.array(metrics.confusion)
    actual = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, actual, out=np.zeros(counts.shape), where=actual > 0)
    figure = new_figure(5.2, 4.4)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(CLASS_NAMES)):
        for column in range(len(CLASS_NAMES)):
            colour = "white" if share[row, column] > 0.55 else INK
            axes.text(
                column,
                row - 0.08,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                fontsize=17,
                color=colour,
            )
            text = f"{share[row, column]:.0%}" if actual[row, 0] else "no image"
            axes.text(column, row + 0.24, text, ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(CLASS_NAMES)), CLASS_NAMES)
    axes.set_yticks(range(len(CLASS_NAMES)), [f"{n}\n({t})" for n, t in zip(CLASS_NAMES, actual[:, 0], strict=True)])
    axes.set_xlabel("Predicted", color=INK, labelpad=8)
    axes.set_ylabel("Truth (images)", color=INK)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(0.5, len(CLASS_NAMES) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(CLASS_NAMES) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=3)
    axes.tick_params(which="both", length=0, colors=INK, labelsize=10)
    return figure


def curve_plots(predictions: Predictions, metrics: Metrics) -> Figure:
    """One-versus-rest ROC curves and precision-recall curves, with their areas."""
    figure = new_figure(10, 4.6)
    roc, pr = figure.subplots(1, 2)
    for index, name in enumerate(CLASS_NAMES):
        positive, scores = predictions.truth == index, predictions.probabilities[:, index]
        if not positive.any() or positive.all():
            continue
        figures = metrics.per_class[name]
        style = {"color": CLASS_COLOURS[index], "linestyle": CLASS_LINES[index], "linewidth": 2.2}
        alarms, hits, _ = roc_curve(positive, scores)
        roc.plot(alarms, hits, label=_curve_label(name, figures["roc_auc"]), **style)
        precision, recall, _ = precision_recall_curve(positive, scores)
        pr.step(recall, precision, where="pre", label=_curve_label(name, figures["pr_auc"]), **style)
        pr.axhline(positive.mean(), color=CLASS_COLOURS[index], linewidth=0.8, linestyle=":", alpha=0.8)
    roc.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
    for axes, x, y, where in (
        (roc, "1 - specificity", "Sensitivity", "lower right"),
        (pr, "Recall (sensitivity)", "Precision (PPV)", "lower left"),
    ):
        plain(axes).set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc=where, fontsize=8.5, frameon=True, framealpha=0.9, edgecolor="none", handlelength=2.8)
    roc.set_title("ROC", fontsize=11, color=INK)
    pr.set_title("Precision and recall", fontsize=11, color=INK)
    return figure


def _curve_label(name: str, area: Estimate) -> str:
    if area.value is None:
        return name
    interval = "" if area.low is None else f" ({area.low:.2f}-{area.high:.2f})"
    return f"{name}: {area.value:.3f}{interval}"


def reliability_plot(metrics: Metrics) -> Figure:
    """How often answers of a given confidence are right, with Wilson intervals, and how many there are."""
    figure = new_figure(5.2, 5.4)
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.2, 1]})
    top.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="perfectly calibrated")
    filled = [b for b in metrics.reliability if b.confidence is not None and b.accuracy.value is not None]
    x = np.array([b.confidence for b in filled], dtype=float)
    y = np.array([b.accuracy.value for b in filled], dtype=float)
    ends = np.array([(b.accuracy.low, b.accuracy.high) for b in filled], dtype=float)
    top.errorbar(
        x, y, yerr=np.abs(np.stack([y - ends[:, 0], ends[:, 1] - y])), color=CLASS_COLOURS[0], marker="o",
        markersize=6, linewidth=1.6, elinewidth=1.2, capsize=3, label="this model, 95% interval",
    )  # fmt: skip
    plain(top).set(ylabel="Share that is right", ylim=(-0.03, 1.03), xlim=(0, 1))
    top.legend(loc="upper left", fontsize=8.5, frameon=False)
    centres = [(b.low + b.high) / 2 for b in metrics.reliability]
    bars = bottom.bar(centres, [b.accuracy.total for b in metrics.reliability], width=0.9 / BINS, color="#9fb3c8")
    bottom.bar_label(bars, labels=[str(b.accuracy.total or "") for b in metrics.reliability], fontsize=7.5, color=INK)
    plain(bottom, grid=False).set(xlabel="Confidence: probability of the predicted class", ylabel="Images")
    bottom.margins(y=0.25)
    return figure


def shortcut_plot(results: Sequence[ProbeResult]) -> Figure:
    """How far three figures move under each probe, in points with intervals; probes without lungs last."""
    figures = (
        ("accuracy", "Accuracy"),
        ("balanced_accuracy", "Balanced accuracy"),
        ("covid_sensitivity", "COVID-19 sensitivity"),
    )
    ordered = sorted(results, key=lambda r: not r.probe.keeps_lungs)
    first_lost = sum(r.probe.keeps_lungs for r in ordered)
    rows = np.array([-index - (0.5 if index >= first_lost else 0) for index in range(len(ordered))])
    figure = new_figure(9.2, 0.58 * len(ordered) + 1.6)
    axes = plain(figure.subplots())
    for offset, (name, label) in enumerate(figures):
        shown = [
            (row, r.change[name]) for row, r in zip(rows, ordered, strict=True) if r.change[name].value is not None
        ]
        points = np.array([(c.value, c.low, c.high) for _, c in shown], dtype=float).reshape(-1, 3) * 100
        points = np.where(np.isnan(points), points[:, :1], points)  # no interval: no whisker
        axes.errorbar(
            points[:, 0],
            np.array([row for row, _ in shown]) + 0.24 * (1 - offset),
            xerr=np.abs(points[:, 1:] - points[:, :1]).T,
            fmt=CLASS_MARKERS[offset], color=CLASS_COLOURS[offset], label=label,
            markersize=6, elinewidth=1.4, capsize=3,
        )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=1)
    bottom = rows[-1] - 0.5
    if first_lost < len(ordered):
        axes.axhspan(bottom, rows[first_lost] + 0.75, color="#f3f4f6", zorder=0)
        axes.text(
            0.01, rows[first_lost] + 0.68, "lungs removed: a fall is what should happen",
            fontsize=8.5, color=FAINT, va="top", transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    axes.set_yticks(rows, [r.probe.title for r in ordered])
    axes.set(xlabel="Change against the unaltered images, in points, with 95% interval", ylim=(bottom, 0.5))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=len(figures), fontsize=9, frameon=False)
    return figure
