"""Changes to a classifier's inputs that are drawn anew in every epoch: crops, strength, erased rectangles.

They act on residuals as they are (or on X-rays, for a baseline), so they cost next to nothing. A crop is not zoomed:
residuals keep their scale, and the classifier, which averages over positions, takes any size. Everything depends on
the seed, the epoch and the image alone.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from train.recipe import CinRecipe

ERASED = (0.15, 0.45)  # side of an erased rectangle, of the crop's side


def augment_inputs(inputs: Tensor, settings: CinRecipe, indices: np.ndarray, epoch: int, seed: int) -> Tensor:
    """Inputs (n, C, S, S) of the images `indices` as shown in `epoch`; (n, C, crop, crop), or S for whole images."""
    whole = settings.crop == 0 or epoch >= settings.epochs - settings.whole_epochs
    side = inputs.shape[-1] if whole else settings.crop
    if side == inputs.shape[-1] and not settings.strength and not settings.erase:
        return inputs
    shown = torch.empty(*inputs.shape[:2], side, side, dtype=inputs.dtype)
    for row, index in enumerate(indices):
        draw = np.random.default_rng((seed, epoch, int(index), 17))
        top, left = draw.integers(inputs.shape[-1] - side + 1, size=2)
        shown[row] = inputs[row, :, top : top + side, left : left + side]
        if settings.strength:
            shown[row] *= math.exp(draw.uniform(-settings.strength, settings.strength))
        if draw.random() < settings.erase:
            height, width = (max(1, round(side * part)) for part in draw.uniform(*ERASED, size=2))
            top, left = draw.integers(side - height + 1), draw.integers(side - width + 1)
            shown[row, :, top : top + height, left : left + width] = shown[row].mean((1, 2), keepdim=True)
    return shown
