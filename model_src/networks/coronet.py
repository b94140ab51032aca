"""The whole chain of the paper's Figure 1: X-ray -> TFEN -> residuals -> CIN -> class probabilities."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Classified(NamedTuple):
    """What the chain says of a batch of N images; float32."""

    probabilities: Tensor  # (N, 3), rows sum to 1, order of CLASS_NAMES
    residual_means: Tensor | None  # (N, 2): mean |X - F_H(X)|, |X - F_P(X)|; None from a model without autoencoders
    summary: Tensor | None = None  # (N, 640): see `summarise`; None likewise


def summarise(residuals: Tensor, features: Tensor, cells: int = 8, least: float = 1e-3) -> Tensor:
    """How a film looks from inside the chain, in few numbers; what is unusual is told by them.

    Args:
        residuals: (N, 3, S, S), the TFEN's.
        features: (N, C, h, w), not negative: the CIN's last convolutional map.
        cells: a side, of the residuals.
        least: a residual below it is noise.

    Returns:
        float32 (N, 2 cells^2 + C): logarithms of the mean residual of each autoencoder in each cell, and of the mean of
        each feature.
    """
    means = F.adaptive_avg_pool2d(residuals[:, :2].float(), cells).flatten(1)
    return torch.cat([(means + least).log(), features.float().mean(dim=[2, 3]).log1p()], 1)


class CoroNet(nn.Module):
    """TFEN and CIN in one module, made of eager networks or of loaded TorchScript artefacts alike.

    Gradients flow from the logits back to the X-ray, so the whole chain can be explained.
    """

    def __init__(self, tfen: nn.Module, cin: nn.Module) -> None:
        super().__init__()
        self.tfen = tfen
        self.cin = cin

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3) of images `x` (N, 1, S, S) float32 in [0, 1], S a multiple of 8."""
        return self.cin(self.tfen(x))

    def residuals(self, x: Tensor) -> Tensor:
        """TFEN output (N, 3, S, S) for `x` (N, 1, S, S)."""
        return self.tfen(x)

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) on the chain's device, without gradients."""
        residuals = self.tfen(x)
        features = self.cin.features(residuals)  # type: ignore[operator]
        probabilities = self.cin.classify(features).softmax(dim=1)  # type: ignore[operator]
        return Classified(probabilities, residuals[:, :2].mean(dim=(2, 3)), summarise(residuals, features))
