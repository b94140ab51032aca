"""The mask of meaningful perturbation: a 28 x 28 grid, drawn smoothly at the image's size, and its regularisers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from explanations.perturbations import REFERENCE_SIZE, gaussian_kernel

GRID = 28
SMOOTHING_SIGMA = 5.0  # Gaussian on the upsampled mask, in pixels of a 224-pixel image (Fong & Vedaldi 2017)


class MaskUpsampler:
    """Draws (N, 28, 28) masks as (N, 1, S, S): bilinear, then a Gaussian, optionally shifted.

    Both steps are linear and separable, so drawing is two small matrix products, U m U^T, with U (S, 28)
    worked out once. Rows of U sum to 1: a constant mask stays constant, also at the border.
    """

    def __init__(self, size: int, jitter: int, device: torch.device, grid: int = GRID) -> None:
        """`size` = S, `jitter`: largest shift in pixels at this size, either way."""
        self.size, self.jitter = size, jitter
        columns = F.interpolate(torch.eye(grid)[:, None], size=size, mode="linear", align_corners=False)[:, 0]
        kernel = gaussian_kernel(SMOOTHING_SIGMA * size / REFERENCE_SIZE)
        reach = len(kernel) // 2 + jitter
        padded = F.pad(columns[:, None], (reach, reach), mode="replicate")
        smooth = F.conv1d(padded, kernel.view(1, 1, -1))[:, 0]  # (grid, S + 2 jitter)
        self._matrix = smooth.T.contiguous().to(device)

    def __call__(self, mask: Tensor, shift: tuple[int, int] | Tensor = (0, 0)) -> Tensor:
        """(N, 28, 28) -> (N, 1, S, S), moved by `shift` (down, right) pixels, each at most `jitter` either way.

        A shift on the device, int64 (2,), is read there: a recorded step has another one each time.
        """
        rows, columns = (self._shifted(s) for s in shift)
        return (rows @ mask @ columns.T)[:, None]

    def _shifted(self, shift: int | Tensor) -> Tensor:
        """U (S, 28), moved."""
        if isinstance(shift, Tensor):
            return self._matrix.index_select(0, torch.arange(self.size, device=shift.device) + self.jitter - shift)
        return self._matrix[self.jitter - shift : self.jitter - shift + self.size]


def total_variation(mask: Tensor, beta: float | Tensor) -> Tensor:
    """(N, h, w) -> (N,): mean over cells of |difference to the next|^beta, down plus across."""
    down = (mask[:, 1:] - mask[:, :-1]).abs().pow(beta).sum(dim=(1, 2))
    across = (mask[:, :, 1:] - mask[:, :, :-1]).abs().pow(beta).sum(dim=(1, 2))
    return (down + across) / mask[0].numel()


def discs(count: int, grid: int = GRID) -> Tensor:
    """(count, grid, grid): discs about the centre, from small to covering the grid; 1 inside, 0 outside."""
    centre = (grid - 1) / 2
    offset = torch.arange(grid) - centre
    distance = (offset[:, None] ** 2 + offset[None, :] ** 2).sqrt()
    radii = torch.linspace(grid / (2 * count), grid * 0.75, count)  # 0.75 > sqrt(2) / 2: the last one covers all
    return (distance[None] <= radii[:, None, None]).float()
