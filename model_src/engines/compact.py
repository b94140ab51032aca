"""The network with three small outputs, which is what engines compile: a few numbers leave them, not whole images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_src import torchscript
from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet, summarise
from model_src.networks.plain_decoder import plain_copy
from model_src.programs.network import ProgramNetwork


class CompactCoroNet(nn.Module):
    """TFEN and CIN as one module: images -> class probabilities, mean residuals and summary."""

    def __init__(self, tfen: nn.Module, cin: nn.Module) -> None:
        super().__init__()
        self.tfen = tfen
        self.cin = cin

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`x` (N, 1, S, S) -> probabilities (N, 3), mean |X - F_H(X)|, |X - F_P(X)| (N, 2) and summary, all float32."""
        residuals = self.tfen(x)
        means = residuals[:, :2].float().mean(dim=[2, 3])
        features = self.cin.features(residuals)  # type: ignore[operator]
        logits = self.cin.classify(features)  # type: ignore[operator]
        return logits.float().softmax(dim=1), means, summarise(residuals, features)


def scripted_compact(model: CoroNet) -> torch.jit.ScriptModule:
    """`model` as a compiled `CompactCoroNet`, whatever it was loaded from.

    Raises:
        ArtefactError: it was loaded from programs, and they are not of the kit's own networks.
    """
    plain = plain_copy(model)
    if plain is None and any(isinstance(network, ProgramNetwork) for network in (model.tfen, model.cin)):
        raise ArtefactError("these programs are of other networks than the kit's, which TorchScript cannot take")
    chain = plain or model
    return torchscript.script(CompactCoroNet(chain.tfen, chain.cin))
