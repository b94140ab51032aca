"""How alike two maps are: structural similarity (Wang et al. 2004), as Arun et al. 2021 compare maps."""

from __future__ import annotations

import numpy as np
import torch

from evaluation.maps.localisation import at_size
from explanations.perturbations import gaussian_blur

SIDE = 56  # both maps are brought to this size: methods draw on grids from 4 to 64
_SIGMA = 1.5  # of the window, as in the original
_STEADY = (0.01**2, 0.03**2)  # keep quotients finite where maps are empty or even, for a range of 1


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Mean structural similarity of two maps (h, w), each scaled to at most 1; 1 = the same, about 0 = unlike."""
    first, second = (_scaled(heatmap) for heatmap in (one, other))
    pair = torch.stack([first, second, first * first, second * second, first * second])[:, None]
    mean_first, mean_second, square_first, square_second, product = gaussian_blur(pair, _SIGMA)[:, 0]
    variances = square_first - mean_first**2 + square_second - mean_second**2
    covariance = product - mean_first * mean_second
    level = (2 * mean_first * mean_second + _STEADY[0]) / (mean_first**2 + mean_second**2 + _STEADY[0])
    structure = (2 * covariance + _STEADY[1]) / (variances.clamp(min=0) + _STEADY[1])
    return float((level * structure).mean().clamp(-1, 1))


def _scaled(heatmap: np.ndarray) -> torch.Tensor:
    drawn = torch.from_numpy(at_size(heatmap, (SIDE, SIDE))).double()
    largest = drawn.max()
    return drawn / largest if largest > 0 else drawn
