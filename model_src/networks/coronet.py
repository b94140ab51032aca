"""The whole chain of the paper's Figure 1: X-ray -> TFEN -> residuals -> CIN -> class probabilities."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Classified(NamedTuple):
    """What the chain says of a batch of N images; float32."""

    probabilities: Tensor  # (N, 3), rows sum to 1, order of CLASS_NAMES
    residual_means: Tensor | None  # (N, 2): mean |X - F_H(X)|, |X - F_P(X)|; None from a model without autoencoders


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
        """Probabilities and mean residuals of `x` (N, 1, S, S) on the chain's device, without gradients."""
        residuals = self.tfen(x)
        return Classified(self.cin(residuals).softmax(dim=1), residuals[:, :2].mean(dim=(2, 3)))
