"""From signed attributions to the heat map of an answer: pool to a grid, choose the sign, scale to [0, 1]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST_GRID = 64
SIGNS = ("positive", "negative", "absolute")


def pool(attribution: Tensor, grid: int) -> Tensor:
    """(N, 1, S, S) -> (N, g, g) mean attribution of each cell, g = min(grid, S)."""
    return F.adaptive_avg_pool2d(attribution, min(grid, attribution.shape[-1]))[:, 0]


def to_heatmap(attribution: Tensor, sign: str) -> Tensor:
    """(N, h, w) signed -> (N, h, w) in [0, 1].

    The positive part, the negative part turned round, or the magnitude, divided by its largest value in each
    image. All zero where nothing is left.
    """
    if sign == "absolute":
        part = attribution.abs()
    else:
        part = (attribution if sign == "positive" else -attribution).clamp(min=0)
    largest = part.amax(dim=(1, 2), keepdim=True)
    return torch.where(largest > 0, part / largest, torch.zeros_like(part))


def sign_text(sign: str) -> str:
    """What a high value of `to_heatmap` means."""
    return {
        "positive": "1 = speaks most for the target class",
        "negative": "1 = speaks most against the target class",
        "absolute": "1 = the target's score depends on it most, for or against",
    }[sign]
