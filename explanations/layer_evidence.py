"""Where the classifier's middle layers hold evidence for the target (LayerCAM, Jiang et al. 2021).

The last convolutional map is a few cells across at the sizes served here, which is too coarse to point with. The
second and third layers' are two and four times finer:
    map of a layer = sum over channels of max(0, ds/dA) A,      s = the target's log-odds, A = the layer's map >= 0.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from explanations.grid_maps import to_heatmap
from explanations.mask import GRID
from explanations.perturbations import gaussian_blur
from explanations.target_model import TargetModel
from model_src.errors import InvalidRequest

_SIGMA = 2.0  # cells of 28; a layer's own cells would show as squares


def layer_evidence(model: TargetModel, x: Tensor) -> Tensor:
    """Maps (N, 28, 28) float32 in [0, 1] for images x (N, 1, S, S): the mean of both layers', each scaled to 1.

    Raises:
        InvalidRequest: the classifier's middle layers cannot be seen.
    """
    cin: Any = model.network.cin
    if not hasattr(cin, "feature_maps"):
        raise InvalidRequest("layers: found a classifier whose middle layers cannot be seen; ask with layers=ignored")
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        residuals = model.network.tfen(x).float()
    residuals.requires_grad_(True)  # so that maps on the way have gradients although parameters are frozen
    with torch.autocast(x.device.type, enabled=False):
        maps = cin.feature_maps(residuals)
        score = model.log_odds_of(cin.classify(maps[-1]).float())
    middle = maps[1:-1]
    gradients = torch.autograd.grad(score.sum(), middle)
    total = torch.zeros(len(x), GRID, GRID, device=x.device)
    for activation, gradient in zip(middle, gradients, strict=True):
        evidence = (gradient.clamp(min=0) * activation.detach()).sum(dim=1, keepdim=True)
        drawn = F.interpolate(evidence, size=(GRID, GRID), mode="bilinear", align_corners=False)
        total += to_heatmap(gaussian_blur(drawn, _SIGMA)[:, 0], "positive")
    return total / len(middle)
