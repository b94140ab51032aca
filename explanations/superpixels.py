"""Tiles of an image: a regular grid, and superpixels that follow its edges (a few rounds of k-means, as in SLIC)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ROUNDS = 5
GRAY_WEIGHT = 3.0  # one tile's width counts as much as a gray difference of 1 / 3


def grid_tiles(x: Tensor, across: int) -> Tensor:
    """(N, 1, S, S) int64 tile numbers 0 .. across^2 - 1, row by row."""
    line = torch.arange(x.shape[-1], device=x.device) * across // x.shape[-1]
    return (line[:, None] * across + line[None, :]).expand(len(x), 1, -1, -1).contiguous()


def superpixels(x: Tensor, across: int) -> Tensor:
    """(N, 1, S, S) int64 tile numbers 0 .. across^2 - 1: pixels grouped by place and gray value.

    k-means in (row, column, gray), started from a grid of across x across tiles; each pixel chooses among
    the nine tiles around its own grid cell (Achanta et al. 2012). Some numbers may end up unused.
    """
    size = x.shape[-1]
    place = torch.arange(size, device=x.device, dtype=x.dtype) * across / size
    rows, columns = place[:, None].expand(size, size), place[None, :].expand(size, size)
    gray = GRAY_WEIGHT * F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    own = grid_tiles(x, across)[0, 0]
    around = torch.tensor([-1, 0, 1], device=x.device)
    near_rows = (own // across)[..., None] + around.repeat_interleave(3)  # (S, S, 9)
    near_columns = (own % across)[..., None] + around.repeat(3)
    inside = (near_rows >= 0) & (near_rows < across) & (near_columns >= 0) & (near_columns < across)
    near = (near_rows * across + near_columns).clamp(0, across**2 - 1)

    tiles = []
    for image in gray[:, 0]:
        points = torch.stack([rows, columns, image], dim=-1)  # (S, S, 3)
        label = own
        for _ in range(ROUNDS):
            flat = label.flatten()
            sums = torch.zeros(across**2, 3, device=x.device).index_add_(0, flat, points.view(-1, 3))
            counts = torch.bincount(flat, minlength=across**2).clamp(min=1)
            centres = sums / counts[:, None]
            distance = (points[..., None, :] - centres[near]).square().sum(dim=-1)
            best = distance.masked_fill(~inside, float("inf")).argmin(dim=-1, keepdim=True)
            label = near.gather(-1, best).squeeze(-1)
        tiles.append(label)
    return torch.stack(tiles)[:, None]
