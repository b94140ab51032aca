"""Maps with people's boxes drawn on them: a row for each film, a column for each method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluation.galleries import read_example
from evaluation.maps.films import MarkedFilm
from evaluation.maps.localisation import at_size
from evaluation.maps.marks import Box
from evaluation.maps.study import MapStudy
from evaluation.plots import FAINT, INK, new_figure
from model_src.imaging.xray import Xray, resize_pixels
from outputs.overlay_png import overlay

FILMS_SHOWN = 6
_SIDE = 256  # pixels of a film in the picture
_OPACITY = 0.4
_BOX_COLOUR = "#00b4ff"


def map_gallery(study: MapStudy, image_size: int) -> Figure:
    """The first films with boxes: the film, then each method's map over it; boxes are outlined, + is the highest point.

    The films were drawn at random, so the first ones are as good or bad as the others.
    """
    films = study.boxed.films[:FILMS_SHOWN]
    names = list(study.maps)
    figure = new_figure(1.75 * (len(names) + 1), 1.8 * len(films) + 0.45)
    grid = figure.subplots(len(films), len(names) + 1, squeeze=False)
    for row, film in enumerate(films):
        xray = read_example(film.file, image_size)
        picture = resize_pixels(xray.pixels, _SIDE)[0].numpy()
        _show(grid[row, 0], picture)
        outline(grid[row, 0], study.boxes[film.file.resolve()], xray)
        for axes, name in zip(grid[row, 1:], names, strict=True):
            heatmap = study.maps[name][row]
            _show(axes, np.asarray(overlay(heatmap, picture, (_SIDE, _SIDE), _OPACITY)))
            outline(axes, study.boxes[film.file.resolve()], xray)
            _mark_highest(axes, heatmap, film)
    for axes, title in zip(grid[0], ["X-ray", *names], strict=True):
        axes.set_title(title.replace("_", "\n", 1), fontsize=8.5, color=INK)
    return figure


def outline(axes: Axes, boxes: Sequence[Box], xray: Xray) -> None:
    """Draw boxes, in pixels of the film, onto a picture of the squashed film."""
    for box in boxes:
        corner = (box.x * _SIDE / xray.width - 0.5, box.y * _SIDE / xray.height - 0.5)
        size = (box.width * _SIDE / xray.width, box.height * _SIDE / xray.height)
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_BOX_COLOUR, linewidth=1.2))


def _mark_highest(axes: Axes, heatmap: np.ndarray, film: MarkedFilm) -> None:
    if not heatmap.any():
        axes.set_xlabel("empty", fontsize=7.5, color=FAINT)
        return
    drawn = at_size(heatmap, film.region.shape)
    row, column = np.unravel_index(int(drawn.argmax()), drawn.shape)
    scale = _SIDE / drawn.shape[0]
    place = ((column + 0.5) * scale - 0.5, (row + 0.5) * scale - 0.5)
    axes.plot(*place, "+", color="white", markersize=9, markeredgewidth=2.2)
    axes.plot(*place, "+", color="black", markersize=8, markeredgewidth=1)


def _show(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1 if picture.dtype.kind == "f" else 255)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
