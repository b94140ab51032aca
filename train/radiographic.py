"""Variants of an X-ray as another radiographer, machine or export would have made it.

Each variant is drawn from the image at twice the network's size and reduced by averaging 2 x 2 pixels. Turning an
image that is already small would blur it, and the residuals that the classifier reads are made of fine detail: it
would learn from images unlike those it is asked about.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

ROTATION_DEGREES = 12.0
ZOOM = (0.68, 1.12)  # side of the window: at 0.68 it holds the lungs alone
SHIFT = 0.05  # of half the side; a smaller window may also move within SHIFT_INSIDE of the room it leaves
SHIFT_INSIDE = 0.6
EQUALISED = 0.25  # share of variants whose histogram is equalised, in part or fully
LEAST_EQUALISED = 0.3
GAMMA = 0.4
CONTRAST = 0.25
BRIGHTNESS = 0.08


def radiographic_variant(large: Tensor, index: int, variant: int, seed: int) -> Tensor:
    """Variant `variant` of image `index`: (1, 1, 2S, 2S) float32 in [0, 1] -> (1, 1, S, S) in [0, 1].

    Mirrored or not, turned, shifted, zoomed (often to the lungs alone), sometimes with an equalised histogram, and
    re-exposed; what is drawn depends on the seed, the image and the variant's number alone.
    """
    draw = np.random.default_rng((seed, index, variant, 5))
    angle = math.radians(draw.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
    zoom = math.exp(draw.uniform(*np.log(ZOOM)))
    mirror = -1.0 if draw.random() < 0.5 else 1.0
    room = max(SHIFT, (1 - zoom) * SHIFT_INSIDE)
    cosine, sine = math.cos(angle) * zoom, math.sin(angle) * zoom
    window = [[cosine * mirror, -sine, draw.uniform(-room, room)], [sine * mirror, cosine, draw.uniform(-room, room)]]
    grid = F.affine_grid(torch.tensor([window], dtype=torch.float32), list(large.shape), align_corners=False)
    moved = F.grid_sample(large, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    image = F.avg_pool2d(moved, 2).clamp(0, 1)
    if draw.random() < EQUALISED:
        image = image.lerp(_equalised(image), draw.uniform(LEAST_EQUALISED, 1))
    image = image ** math.exp(draw.uniform(-GAMMA, GAMMA))
    contrast, brightness = 1 + draw.uniform(-CONTRAST, CONTRAST), draw.uniform(-BRIGHTNESS, BRIGHTNESS)
    return ((image - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


def _equalised(image: Tensor) -> Tensor:
    """Histogram equalisation of (1, 1, S, S), in 256 gray values."""
    gray = Image.fromarray((image[0, 0].numpy() * 255).round().astype(np.uint8))
    return torch.from_numpy(np.asarray(ImageOps.equalize(gray), dtype=np.float32) / 255)[None, None]
