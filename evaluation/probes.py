"""Altered copies of an X-ray that take away, or leave only, what tells its source rather than its disease.

A probe maps pixels to pixels: float32 (H, W) in [0, 1], the decoded image at its own size.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

BORDER = 0.1  # of the side: collimation, arms and text lie there, and next to no lung
CORNER = 0.22  # of the side: markers (L, R) and burned-in text sit there
CROP_HEIGHT, CROP_WIDTH = 0.7, 0.8  # of the image: on a frontal chest film both lungs lie in there
JPEG_QUALITY = 30
COARSE_SIDE = 128  # pixels
LARGEST_SIDE = 1024  # larger images are reduced first; networks see far less, and equalising them would take seconds


@dataclass(frozen=True)
class Probe:
    """An alteration and what it asks of a model.

    Attributes:
        name: as in the JSON report.
        title: as in tables.
        keeps_lungs: True where a sound model should answer as before, False where it should be lost, because
            the lungs are gone.
        what: one sentence.
        alter: pixels -> pixels.
    """

    name: str
    title: str
    keeps_lungs: bool
    what: str
    alter: Callable[[np.ndarray], np.ndarray]


def mask_borders(pixels: np.ndarray) -> np.ndarray:
    """The outer tenth at each edge replaced by the image's median."""
    altered = np.full_like(pixels, np.median(pixels))
    inside = _inside(pixels, BORDER)
    altered[inside] = pixels[inside]
    return altered


def mask_corners(pixels: np.ndarray) -> np.ndarray:
    """The four corners replaced by the image's median."""
    height, width = (max(1, round(side * CORNER)) for side in pixels.shape)
    altered = pixels.copy()
    for rows in (slice(None, height), slice(-height, None)):
        for columns in (slice(None, width), slice(-width, None)):
            altered[rows, columns] = np.median(pixels)
    return altered


def crop_to_lungs(pixels: np.ndarray) -> np.ndarray:
    """The centre, where the lungs lie; the network's resize brings it to full size."""
    rows, columns = (
        slice(round(side * (1 - share) / 2), max(1, round(side * (1 + share) / 2)))
        for side, share in zip(pixels.shape, (CROP_HEIGHT, CROP_WIDTH), strict=True)
    )
    return np.ascontiguousarray(pixels[rows, columns])


def equalise(pixels: np.ndarray) -> np.ndarray:
    """Histogram equalisation: exposure and scanner contrast are gone, the order of gray values stays."""
    return _from_image(ImageOps.equalize(_to_image(pixels)))


def recompress(pixels: np.ndarray) -> np.ndarray:
    """Through a coarse JPEG: all images now carry the same compression artefacts."""
    stream = io.BytesIO()
    _to_image(pixels).save(stream, format="JPEG", quality=JPEG_QUALITY)
    return _from_image(Image.open(stream))


def coarsen(pixels: np.ndarray) -> np.ndarray:
    """Reduced to a side of 128 pixels: scanner noise and sharpness are gone, consolidations stay."""
    scale = COARSE_SIDE / max(pixels.shape)
    if scale >= 1:
        return pixels.copy()
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[::-1])
    return _resized(pixels, size)


def keep_only_border(pixels: np.ndarray) -> np.ndarray:
    """What `mask_borders` masks, and nothing else: the centre, with the lungs, is the image's median."""
    altered = pixels.copy()
    altered[_inside(pixels, BORDER)] = np.median(pixels)
    return altered


def keep_only_histogram(pixels: np.ndarray) -> np.ndarray:
    """The gray values sorted, dark above: every shape is gone, exposure and contrast stay."""
    return np.sort(pixels, axis=None).reshape(pixels.shape)


PROBES = (
    Probe("borders_masked", "Borders masked", True, "The outer 10% at each edge is gray.", mask_borders),
    Probe("corners_masked", "Corners masked", True, "Markers and burned-in text are gray.", mask_corners),
    Probe("lung_crop", "Cropped to the lungs", True, "The central 70% x 80% fills the image.", crop_to_lungs),
    Probe("equalised", "Contrast equalised", True, "Every image has the same histogram.", equalise),
    Probe("jpeg", "JPEG, quality 30", True, "Every image has the same compression artefacts.", recompress),
    Probe("coarse", "Coarse (128 px)", True, "Noise and sharpness of the source are gone.", coarsen),
    Probe(
        "border_only",
        "Only the border",
        False,
        "The outer 10% is left, the lungs are gray.",
        keep_only_border,
    ),
    Probe(
        "histogram_only",
        "Only gray values",
        False,
        "All pixels sorted: exposure without any shape.",
        keep_only_histogram,
    ),
)


def working_size(pixels: np.ndarray) -> np.ndarray:
    """`pixels`, reduced to a longest side of 1024 where they are larger."""
    scale = LARGEST_SIDE / max(pixels.shape)
    return pixels if scale >= 1 else _resized(pixels, tuple(max(1, round(s * scale)) for s in pixels.shape[::-1]))


def _inside(pixels: np.ndarray, share: float) -> tuple[slice, slice]:
    rows, columns = (slice(round(side * share), side - round(side * share)) for side in pixels.shape)
    return rows, columns


def _resized(pixels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    return np.clip(np.asarray(image.resize((size[0], size[1]), Image.Resampling.BOX)), 0, 1)


def _to_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8))


def _from_image(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32) / 255
