"""What else differs between films of two hospitals, besides the disease: position, exposure, sharpness, borders.

A class whose films come from other hospitals than the rest can be told by all of this. An alteration changes one such
thing at random, so that it tells nothing any more. Each takes a film, float32 (S, S) in [0, 1], and the film's own
generator, and gives a new film of the same shape and range.
"""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

# Position. A film cropped to the lungs shows about 0.7 of the usual side.
ROTATION_DEGREES = 12.0
CLOSEST, WIDEST = 0.72, 1.12  # of the film's side, how much is seen
STRETCH = 0.1
SHIFT = 0.06
# Edges: collimation, markers, burned-in text.
BORDER_SHARE, WIDEST_BORDER = 0.3, 0.14
CORNER_SHARE, WIDEST_CORNER = 0.2, 0.24
HOLE_SHARE, WIDEST_HOLE = 0.1, 0.33
# Exposure and processing.
EQUALISED_SHARE = 0.05
MATCHED_SHARE = 0.25
GAMMA = 0.3
CONTRAST, BRIGHTNESS = 0.2, 0.08
FIELD_SHARE, FIELD = 0.15, 0.25
# Sharpness, noise, compression.
BLURRED_SHARE, SHARPENED_SHARE = 0.35, 0.15
MOST_BLUR = 0.0105  # standard deviation, of the side
NOISE = 0.015
COMPRESSED_SHARE = 0.1
WORST_QUALITY, BEST_QUALITY = 20, 70


def as_from_another_hospital(film: Tensor, draw: np.random.Generator, other: Tensor) -> Tensor:
    """The film with every kind of alteration, in the order in which a film meets them.

    Args:
        film: (S, S) float32 in [0, 1].
        draw: decides everything.
        other: any other film of that shape; a share of the films gets its gray values.
    """
    film = erase_edges(film, draw)
    film = reposition(film, draw)
    film = expose(film, draw, other)
    film = resharpen(film, draw)
    return compress(film, draw)


def erase_edges(film: Tensor, draw: np.random.Generator) -> Tensor:
    """Cover some of the borders, corners and now and then a part of the film with gray, black or noise."""
    pixels, side = film.numpy().copy(), len(film)
    if draw.random() < BORDER_SHARE:
        cover = _cover(film, draw)
        for edge in np.flatnonzero(draw.random(4) < 0.75):
            width = int(draw.integers(1, max(2, round(side * WIDEST_BORDER))))
            _fill(np.rot90(pixels, int(edge))[:width], cover, draw)
    if draw.random() < CORNER_SHARE:
        for corner in np.flatnonzero(draw.random(4) < 0.6):
            height, width = draw.integers(max(1, side // 16), max(2, round(side * WIDEST_CORNER)), 2)
            _fill(np.rot90(pixels, int(corner))[:height, :width], _cover(film, draw), draw)
    if draw.random() < HOLE_SHARE:
        height, width = draw.integers(max(1, side // 10), max(2, round(side * WIDEST_HOLE)), 2)
        top, left = draw.integers(side - height + 1), draw.integers(side - width + 1)
        _fill(pixels[top : top + height, left : left + width], _cover(film, draw), draw)
    return torch.from_numpy(pixels)


def reposition(film: Tensor, draw: np.random.Generator) -> Tensor:
    """Mirror, turn, shift, stretch, and come closer or step back; outside lies the film's edge, or black."""
    angle = math.radians(draw.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
    seen = draw.uniform(CLOSEST, 1) if draw.random() < 0.5 else draw.uniform(1, WIDEST)
    stretch = math.exp(draw.uniform(-STRETCH, STRETCH))
    mirror = -1.0 if draw.random() < 0.5 else 1.0
    across, down = seen * stretch, seen / stretch
    theta = torch.tensor(
        [
            [math.cos(angle) * across * mirror, -math.sin(angle) * down, 2 * draw.uniform(-SHIFT, SHIFT)],
            [math.sin(angle) * across * mirror, math.cos(angle) * down, 2 * draw.uniform(-SHIFT, SHIFT)],
        ],
        dtype=torch.float32,
    )
    grid = F.affine_grid(theta[None], [1, 1, *film.shape], align_corners=False)
    outside = "border" if draw.random() < 0.6 else "zeros"
    return F.grid_sample(film[None, None], grid, padding_mode=outside, align_corners=False)[0, 0].clamp(0, 1)


def expose(film: Tensor, draw: np.random.Generator, other: Tensor) -> Tensor:
    """Change gray values: equalise, match those of another film, gamma, an uneven field, contrast, brightness."""
    kind = draw.random()
    if kind < EQUALISED_SHARE:
        film = with_gray_values(film, torch.linspace(0, 1, film.numel()))
    elif kind < EQUALISED_SHARE + MATCHED_SHARE:
        film = film.lerp(with_gray_values(film, other), float(draw.uniform(0.5, 1)))
    film = film.clamp_min(1e-4) ** math.exp(draw.uniform(-GAMMA, GAMMA))
    if draw.random() < FIELD_SHARE:
        knots = torch.from_numpy(draw.normal(0, FIELD, (1, 1, 3, 3)).astype(np.float32))
        film = film * F.interpolate(knots, size=film.shape, mode="bicubic", align_corners=True)[0, 0].exp()
    contrast = math.exp(draw.uniform(-CONTRAST, CONTRAST))
    return ((film - 0.5) * contrast + 0.5 + draw.uniform(-BRIGHTNESS, BRIGHTNESS)).clamp(0, 1)


def with_gray_values(film: Tensor, values: Tensor) -> Tensor:
    """The film with its darkest pixel as dark as the darkest of `values` (as many as pixels), and so on up."""
    changed = torch.empty_like(film).flatten()
    changed[film.flatten().argsort(stable=True)] = values.flatten().sort().values
    return changed.view_as(film)


def resharpen(film: Tensor, draw: np.random.Generator) -> Tensor:
    """Blur a share of the films, sharpen another, and give all some noise."""
    kind, radius = draw.random(), len(film) * draw.uniform(0.003, MOST_BLUR)
    if kind < BLURRED_SHARE:
        film = _blurred(film, radius)
    elif kind < BLURRED_SHARE + SHARPENED_SHARE:
        film = film + (film - _blurred(film, radius)) * draw.uniform(0.2, 0.8)
    noise = draw.standard_normal(film.shape, dtype=np.float32) * np.float32(draw.uniform(0, NOISE))
    return (film + torch.from_numpy(noise)).clamp(0, 1)


def compress(film: Tensor, draw: np.random.Generator) -> Tensor:
    """Send a share of the films through a coarse JPEG."""
    if draw.random() >= COMPRESSED_SHARE:
        return film
    stream = io.BytesIO()
    pixels = (film * 255).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=int(draw.integers(WORST_QUALITY, BEST_QUALITY)))
    return torch.from_numpy(np.asarray(Image.open(stream), dtype=np.float32) / 255)


def _cover(film: Tensor, draw: np.random.Generator) -> float | None:
    """What a covered part shows: the film's middle gray, black, any gray, or (None) noise."""
    kind = int(draw.integers(4))
    return (float(film.median()), 0.0, float(draw.random()), None)[kind]


def _fill(part: np.ndarray, cover: float | None, draw: np.random.Generator) -> None:
    """Write the cover into a view of a film."""
    part[...] = draw.random(part.shape, dtype=np.float32) if cover is None else cover


def _blurred(film: Tensor, radius: float) -> Tensor:
    """Gaussian of that standard deviation in pixels."""
    reach = min(math.ceil(2.5 * radius), len(film) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-(offsets**2) / (2 * radius**2))
    weights = weights / weights.sum()
    padded = F.pad(film[None, None], [reach] * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))[0, 0]
