"""What a map has to beat: maps that know nothing of the film.

box prior   the mean of the training films' boxes: where opacities usually are. Arun et al. 2021 take it as their low
            mark too, and it is the stronger of both.
centre      a Gaussian at the film's centre, with a standard deviation of a quarter of its side.
random      another seeded random number for each cell of each film.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from evaluation.maps.marks import Box, box_region
from explanations.mask import GRID
from model_src.errors import DataError, RequestError
from model_src.imaging.xray import read_xray

PRIOR_FILMS = 500  # that the box prior is the mean of: enough for a smooth map
_CENTRE_SIGMA = 0.25  # of the side
_CELLS = 64  # a side of the box prior: finer than boxes are drawn


def box_prior(boxes: Mapping[Path, Sequence[Box]], training: Sequence[Path], seed: int) -> np.ndarray | None:
    """Where boxes lie on training films: their mean, scaled to a largest value of 1, float32 (64, 64).

    Of at most PRIOR_FILMS of the films in `training` (resolved paths) that have boxes; None where none has.

    Raises:
        DataError: a film cannot be read, or a box lies outside it.
    """
    marked = [path for path in training if path in boxes]
    chosen = np.random.default_rng(seed).permutation(len(marked))[:PRIOR_FILMS]
    if not len(chosen):
        return None
    total = np.zeros((_CELLS, _CELLS), dtype=np.float64)
    for index in sorted(chosen):
        path = marked[index]
        try:
            xray = read_xray(path.read_bytes(), _CELLS)
        except (RequestError, OSError) as error:
            raise DataError(f"{path}: cannot be read ({error}); mend it, or remove its boxes") from error
        total += box_region(boxes[path], xray.width, xray.height, _CELLS, str(path))
    return (total / total.max()).astype(np.float32)


def centre_map() -> np.ndarray:
    """A Gaussian at the centre, float32 (28, 28) in (0, 1]."""
    offsets = (np.arange(GRID) - (GRID - 1) / 2) / GRID
    line = np.exp(-0.5 * (offsets / _CENTRE_SIGMA) ** 2)
    gaussian = np.outer(line, line)
    return (gaussian / gaussian.max()).astype(np.float32)


def random_map(film: str, seed: int) -> np.ndarray:
    """Evenly distributed numbers in [0, 1), float32 (28, 28), the same for the same film and seed."""
    generator = np.random.default_rng([seed, zlib.crc32(film.encode("utf-8", "surrogateescape"))])
    return generator.random((GRID, GRID), dtype=np.float32)


def overlapping_boxes(boxes: Sequence[Box]) -> list[float]:
    """Intersection over union of every two boxes of a film that overlap: one reader's box against another's."""
    overlaps = (one.overlap(other) for one, other in combinations(boxes, 2))
    return [overlap for overlap in overlaps if overlap > 0]
