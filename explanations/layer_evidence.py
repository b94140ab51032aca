"""Where the classifier's last layers hold evidence for the target (LayerCAM, Jiang et al. 2021).

The last convolutional map is a few cells across at the sizes served here, too coarse to point with. The one before has
cells of half the size:
    map of a layer = sum over channels of max(0, ds/dA A),      s = the target's log-odds, A = the layer's map.
Where A is not negative, as behind a ReLU, this is LayerCAM. The blocks of an EfficientNet end without one.
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

_SIGMA = 1.5  # cells of 28: a layer's own cells would show as squares


def layer_evidence(model: TargetModel, x: Tensor) -> Tensor | None:
    """Maps (N, 28, 28) float32 in [0, 1] for images x (N, 1, S, S): the product of the last two layers', scaled to 1.

    A place counts where both hold evidence. None where the classifier's layers cannot be seen.
    """
    cin: Any = model.network.cin
    if not hasattr(cin, "feature_maps"):
        return None
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        residuals = model.network.tfen(x).float()
    residuals.requires_grad_(True)  # so that maps on the way have gradients although parameters are frozen
    with torch.autocast(x.device.type, enabled=False):
        maps = cin.feature_maps(residuals)
        score = model.log_odds_of(cin.classify(maps[-1]).float())
    last = maps[-2:]
    gradients = torch.autograd.grad(score.sum(), last)
    product = torch.ones(len(x), GRID, GRID, device=x.device)
    for activation, gradient in zip(last, gradients, strict=True):
        evidence = (gradient * activation.detach()).clamp(min=0).sum(dim=1, keepdim=True)
        drawn = F.interpolate(evidence, size=(GRID, GRID), mode="bilinear", align_corners=False)
        product *= to_heatmap(gaussian_blur(drawn, _SIGMA)[:, 0], "positive")
    return to_heatmap(product, "positive")
