"""Precision "mixed": bfloat16 in those layers where it changes no answer, float32 in those that carry the picture.

A residual is a small difference of two pictures. Rounding in the first two and last two layers of an autoencoder, which
carry the picture itself, shows in it as if it were one; so does rounding in the classifier, which adds up what is left.
All layers between may be rounded (docs/experiments/2026-11-27-cpu-engines.md).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.plain_decoder import plain_copy

KEPT = ("conv1", "conv2", "convtrans6", "convtrans7")  # of an autoencoder, in float32


class _Lowered(nn.Module):
    """A convolution in bfloat16, whatever comes in."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution.to(torch.bfloat16)

    def forward(self, x: Tensor) -> Tensor:
        """bfloat16."""
        return self.convolution(x.to(torch.bfloat16))


def mixed_copy(model: CoroNet) -> CoroNet | None:
    """The network with most convolutions of its autoencoders in bfloat16; answers are float32.

    For a compiler: none of it is faster eagerly. None where the networks are not the kit's own.
    """
    plain = plain_copy(model)  # libraries have transposed convolutions in float32 alone
    if plain is None:
        return None
    mixed = copy.deepcopy(plain)
    for autoencoder in (mixed.tfen.healthy, mixed.tfen.pneumonia):
        if not isinstance(autoencoder, FPAE):
            return None
        for name, layer in list(autoencoder.named_children()):
            if isinstance(layer, nn.Conv2d) and name not in KEPT:
                setattr(autoencoder, name, _Lowered(layer))
    return mixed.eval().requires_grad_(False)
