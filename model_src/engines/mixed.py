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
from model_src.networks.eager_copy import eager_copy
from model_src.networks.fpae import FPAE

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
    shared = eager_copy(model)
    if shared is None:
        return None
    mixed = copy.deepcopy(shared)
    for autoencoder in (mixed.tfen.healthy, mixed.tfen.pneumonia):
        if not isinstance(autoencoder, FPAE):
            return None
        for name, layer in list(autoencoder.named_children()):
            if isinstance(layer, nn.ConvTranspose2d):
                layer = as_convolution(layer)
                setattr(autoencoder, name, layer)
            if isinstance(layer, nn.Conv2d) and name not in KEPT:
                setattr(autoencoder, name, _Lowered(layer))
    return mixed.eval().requires_grad_(False)


def as_convolution(transposed: nn.ConvTranspose2d) -> nn.Conv2d:
    """The same function as a 3x3 convolution, which libraries have in bfloat16 too: weights turned round.

    Raises:
        ValueError: it is not one of an FPAE, of stride 1 and padding 1.
    """
    if transposed.kernel_size != (3, 3) or transposed.stride != (1, 1) or transposed.padding != (1, 1):
        raise ValueError(f"{transposed}: need a kernel of 3 x 3, stride 1 and padding 1")
    convolution = nn.Conv2d(transposed.in_channels, transposed.out_channels, 3, padding=1)
    convolution.weight = nn.Parameter(transposed.weight.detach().flip(2, 3).transpose(0, 1).contiguous())
    convolution.bias = transposed.bias
    return convolution
