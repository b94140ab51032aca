"""The chain of a GPU's engine: both autoencoders as one network of own kernels, and a classifier with folded norms."""

from __future__ import annotations

import torch
from torch import Tensor

from model_src.engines.half_cin import HalfCIN
from model_src.engines.half_efficient_cin import HalfEfficientCIN
from model_src.engines.triton_tfen import Tiling, TritonTFEN
from model_src.networks.coronet import CoroNet, summarise
from model_src.networks.efficient_cin import EfficientCIN


class FusedChain:
    """An eager CoroNet in `dtype`, sums, residuals and answers in float32."""

    def __init__(
        self,
        coronet: CoroNet,
        device: torch.device,
        dtype: torch.dtype,
        tiling: Tiling = Tiling(),  # noqa: B008 (frozen)
    ) -> None:
        """`coronet` of the kit's own networks, wherever it is; the chain's weights are on `device`."""
        cin = coronet.cin
        self.tfen = TritonTFEN(coronet.tfen, device, dtype, tiling)  # type: ignore[arg-type]
        self.cin: HalfCIN | HalfEfficientCIN
        if isinstance(cin, EfficientCIN):
            self.cin = HalfEfficientCIN(cin, device, dtype)
        else:
            self.cin = HalfCIN(cin, device, dtype)  # type: ignore[arg-type]

    def __call__(self, x: Tensor) -> Tensor:
        """Answers (N, 5 + summary) float32 of `x` (N, 1, S, S): probabilities, mean residuals, summary."""
        residuals, shown = self.tfen(x, self.cin.mean, self.cin.std)
        logits, features = self.cin(shown)
        means = residuals[:, :2].mean(dim=(2, 3))
        return torch.cat([logits.softmax(dim=1), means, summarise(residuals, features)], 1)
