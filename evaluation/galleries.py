"""A report's pictures of X-rays: Figure 1's reconstructions, Figure 2's explanations, mistakes, probes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from evaluation.plots import FAINT, INK, new_figure
from evaluation.probes import Probe, working_size
from evaluation.results import ImageResult
from explanations import Attribution
from model_src.classes import CLASS_NAMES
from model_src.imaging.xray import Xray, read_xray, resize_pixels
from model_src.networks.coronet import CoroNet
from outputs.colour_map import palette
from outputs.overlay_png import overlay

PATIENTS_PER_CLASS = 5  # as in Figure 2
MISTAKES = 12
_THUMBNAIL = 256  # pixels: what a picture in a grid is drawn from
_OPACITY = 0.4  # of an overlay: small pictures, in which the lungs have to stay visible
_HEAT = ListedColormap(palette() / 255)


@dataclass(frozen=True)
class ExplanationPicture:
    """Figure 2 for one method."""

    method: str
    figure: Figure
    sign: str  # what a high value means


def typical_of_class(results: Sequence[ImageResult], label: int) -> int | None:
    """Index of the image of class `label` whose class gets the median probability, None if there is none."""
    ranked = sorted(
        (i for i, r in enumerate(results) if r.truth == label),
        key=lambda i: (results[i].probabilities[label], i),
    )
    return ranked[len(ranked) // 2] if ranked else None


def patients_of_class(results: Sequence[ImageResult], label: int, count: int, seed: int) -> list[int]:
    """Indices of one image each of up to `count` random patients of class `label`."""
    first_image: dict[str, int] = {}
    for index, result in enumerate(results):
        if result.truth == label:
            first_image.setdefault(result.patient, index)
    chosen = np.random.default_rng([seed, label]).permutation(list(first_image.values()))[:count]
    return sorted(int(index) for index in chosen)


def worst_mistakes(results: Sequence[ImageResult], count: int = MISTAKES) -> list[int]:
    """Indices of the wrong predictions that the model is surest of."""
    wrong = [i for i, r in enumerate(results) if not r.correct]
    return sorted(wrong, key=lambda i: (-max(results[i].probabilities), i))[:count]


def reconstruction_gallery(coronet: CoroNet, xrays: Sequence[Xray], labels: Sequence[int]) -> Figure:
    """Figure 1's pictures: X, F_H(X), F_P(X) and the residuals of equations (5)-(7), a row for each X-ray."""
    tfen: Any = coronet.tfen  # a TFEN or its TorchScript form
    device = next(coronet.parameters()).device
    x = torch.stack([xray.tensor for xray in xrays]).to(device)
    with torch.inference_mode():
        healthy, pneumonia = tfen.reconstruct(x)
        residuals = coronet.residuals(x)
    images = torch.cat([x, healthy, pneumonia], dim=1).float().cpu().numpy()
    maps = residuals.float().cpu().numpy()
    brightest = float(np.quantile(maps, 0.998)) or 1.0
    figure = new_figure(11.5, 1.95 * len(xrays) + 0.75)
    grid = figure.subplots(len(xrays), 6, squeeze=False)
    titles = (
        "X-ray $X$", "healthy $F_H(X)$", "pneumonia $F_P(X)$",
        "$|X - F_H|$", "$|X - F_P|$", "$|2X - F_H - F_P|$",
    )  # fmt: skip
    for row, label in enumerate(labels):
        for column in range(3):
            _show(grid[row, column], images[row, column], cmap="gray", vmin=0, vmax=1)
            drawn = _show(grid[row, 3 + column], maps[row, column], cmap=_HEAT, vmin=0, vmax=brightest)
            grid[row, 3 + column].set_xlabel(f"mean {maps[row, column].mean():.4f}", fontsize=8.5, color=FAINT)
        grid[row, 0].set_ylabel(CLASS_NAMES[label], fontsize=11, color=INK)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=10.5, color=INK)
    figure.colorbar(drawn, ax=grid[:, 3:], shrink=0.6, aspect=30, pad=0.015).ax.tick_params(labelsize=8)
    return figure


def explanation_gallery(
    rows: Sequence[tuple[int, Sequence[Xray], Sequence[Attribution], Sequence[ImageResult]]],
) -> Figure:
    """Figure 2's montage: for each class its X-rays and, below each, what the prediction rests on.

    Args:
        rows: for each class its label, X-rays, explanations of the predicted class, and results.
    """
    columns = max(len(xrays) for _, xrays, _, _ in rows)
    figure = new_figure(1.95 * columns + 0.9, 4.2 * len(rows))
    grid = figure.subplots(2 * len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    drawn = False
    for block, (label, xrays, explained, results) in enumerate(rows):
        for column, (xray, explanation, result) in enumerate(zip(xrays, explained, results, strict=True)):
            above, below = grid[2 * block, column], grid[2 * block + 1, column]
            image = _thumbnail(xray)
            _show(above, image, cmap="gray", vmin=0, vmax=1)
            colour = FAINT if result.correct else "#b42318"
            above.set_title(
                f"{CLASS_NAMES[result.predicted]} {max(result.probabilities):.0%}",
                fontsize=8.5,
                color=colour,
            )
            _show(below, np.asarray(overlay(explanation.heatmap, image, (_THUMBNAIL, _THUMBNAIL), _OPACITY)))
            drawn = True
            if column == 0:
                above.set_ylabel(CLASS_NAMES[label], fontsize=11, color=INK)
    if drawn:
        scale = ScalarMappable(Normalize(0, 1), _HEAT)
        bar = figure.colorbar(scale, ax=grid, shrink=0.3, aspect=30, pad=0.015, ticks=[0, 1])
        bar.ax.set_yticklabels(["matters\nleast", "matters\nmost"], fontsize=8.5)
    return figure


def mistake_gallery(xrays: Sequence[Xray], results: Sequence[ImageResult]) -> Figure:
    """The X-rays of wrong predictions with truth, prediction, its probability, and file."""
    columns = min(4, len(xrays))
    lines = -(-len(xrays) // columns)
    figure = new_figure(2.75 * columns, 3.35 * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, xray, result in zip(grid.flat, xrays, results, strict=False):
        _show(axes, _thumbnail(xray), cmap="gray", vmin=0, vmax=1)
        prediction = f"{CLASS_NAMES[result.predicted]} ({max(result.probabilities):.0%})"
        axes.set_title(f"{CLASS_NAMES[result.truth]}, taken for\n{prediction}", fontsize=9.5, color=INK)
        name = "\n".join(textwrap.wrap(Path(result.path).name, 34)[:2])
        axes.set_xlabel(name, fontsize=7.5, color=FAINT, parse_math=False)  # a file name may hold $
    return figure


def probe_gallery(probes: Sequence[Probe], xrays: Sequence[Xray], labels: Sequence[int]) -> Figure:
    """What the network sees under each probe, a row for each X-ray."""
    columns = len(probes) + 1
    figure = new_figure(1.3 * columns, 1.36 * len(xrays) + 0.6)
    grid = figure.subplots(len(xrays), columns, squeeze=False)
    for row, (xray, label) in enumerate(zip(xrays, labels, strict=True)):
        views = [xray.pixels, *(probe.alter(xray.pixels) for probe in probes)]
        for column, view in enumerate(views):
            _show(grid[row, column], resize_pixels(view, _THUMBNAIL)[0].numpy(), cmap="gray", vmin=0, vmax=1)
        grid[row, 0].set_ylabel(CLASS_NAMES[label], fontsize=9.5, color=INK)
    for axes, title in zip(grid[0], ["Unaltered", *(probe.title for probe in probes)], strict=True):
        axes.set_title("\n".join(textwrap.wrap(title, 13)), fontsize=8.5, color=INK)
    return figure


def read_example(path: Path, image_size: int) -> Xray:
    """Read again one of the images that were evaluated; pixels are reduced, so that a dozen fit in memory."""
    xray = read_xray(path.read_bytes(), image_size)
    return replace(xray, pixels=working_size(xray.pixels))


def _thumbnail(xray: Xray) -> np.ndarray:
    """The X-ray as the network sees it, squashed to a square, large enough to print small."""
    return resize_pixels(xray.pixels, _THUMBNAIL)[0].numpy()


def _show(axes: Axes, image: np.ndarray, **options: Any) -> AxesImage:
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes.imshow(image, **options)
