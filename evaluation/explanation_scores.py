"""Is a map about the image and the model? Scores for evaluation, beside deletion and insertion.

Pointing game and overlap against known lesions (phantoms have them), and the sanity check of Adebayo et al. (NeurIPS
2018): a map must change when what the model has learned is lost. The CIN's parameters are randomised, then the TFEN's
as well; a method whose maps stay alike shows the image and not the model.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import nn

COMMON_GRID = 28


def pointing_hit(heatmap: np.ndarray, lesion_mask: np.ndarray, tolerance: float = 0.02) -> bool:
    """Pointing game (Zhang et al., ECCV 2016): whether the map's highest point lies in the lesion.

    heatmap (h, w) in [0, 1]; lesion_mask bool (S, S). A point within `tolerance` of the image's side of a lesion
    counts, because a map's cells are coarser than pixels. An empty map never hits.
    """
    if not heatmap.any():
        return False
    drawn = _drawn(heatmap, lesion_mask.shape)
    row, column = np.unravel_index(int(drawn.argmax()), drawn.shape)
    reach = max(1, round(tolerance * max(lesion_mask.shape)))
    window = lesion_mask[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return bool(window.any())


def intersection_over_union(heatmap: np.ndarray, lesion_mask: np.ndarray) -> float:
    """Overlap, in [0, 1], of the lesion with as many of the map's highest pixels as the lesion has.

    Taking the lesion's own area as the threshold asks only whether the map ranks lesion pixels first, and is the
    same question for methods whose maps are wide or narrow.
    """
    wanted = int(lesion_mask.sum())
    if wanted == 0 or not heatmap.any():
        return 0.0
    order = np.argsort(-_drawn(heatmap, lesion_mask.shape), axis=None, kind="stable")
    chosen = np.zeros(lesion_mask.size, dtype=bool)
    chosen[order[:wanted]] = True
    both = int((chosen & lesion_mask.ravel()).sum())
    return both / (2 * wanted - both)


@torch.no_grad()
def randomise(network: nn.Module, seed: int) -> None:
    """Replace all weights of `network`, in place, by random ones of a fresh network's size.

    Works on eager networks and on loaded TorchScript alike; give it a copy that was loaded for this.

    Convolutions and linear layers (two or more axes) get Gaussian weights of variance 2 / fan-in; batch norm's scales
    become 1, all biases 0, and running statistics are kept, so that activations stay finite.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            fresh = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.copy_(fresh)
        else:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps in [-1, 1], each first brought to 28 x 28; 0 if one of them is flat."""
    first, second = (_common(heatmap) for heatmap in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


def _common(heatmap: np.ndarray) -> np.ndarray:
    return _drawn(heatmap, (COMMON_GRID, COMMON_GRID)).ravel()


def _drawn(heatmap: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The map at the mask's size, bilinear."""
    maps = torch.from_numpy(np.ascontiguousarray(heatmap, dtype=np.float32))[None, None]
    return F.interpolate(maps, size=shape, mode="bilinear", align_corners=False)[0, 0].numpy()
