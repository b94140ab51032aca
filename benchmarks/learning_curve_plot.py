"""The plot of `benchmarks.learning_curve`: sensitivity to COVID-19 against films of COVID-19, a line a way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.plots import INK, new_figure, plain

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "D", "^")


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a PNG: the mean of the draws as a line, each draw as a point; test films where they were scored."""
    part = "test" if rows and all("test" in row for row in rows) else "validation"
    values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values[row["model"]][row["films"]].append(100 * row[part]["covid_sensitivity"]["value"])
    figure = new_figure(6.4, 4.2)
    axes = plain(figure.subplots())
    for (way, by_films), colour, marker in zip(sorted(values.items()), COLOURS, MARKERS, strict=False):
        films = sorted(by_films)
        means = [float(np.mean(by_films[count])) for count in films]
        axes.plot(films, means, color=colour, marker=marker, linewidth=1.6, label=way)
        for count in films:
            axes.plot([count] * len(by_films[count]), by_films[count], marker, color=colour, alpha=0.35, markersize=4)
    axes.set_xscale("log")
    ticks = sorted({row["films"] for row in rows})
    axes.set_xticks(ticks, [str(count) for count in ticks])
    axes.minorticks_off()
    axes.set_xlabel("COVID-19 films in training", color=INK)
    axes.set_ylabel(f"COVID-19 films rightly called, % of {part} films", color=INK)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)
