"""The chain with plain convolutions in its decoders, for compilers: they fuse those with the sum and ReLU behind them.

A transposed convolution of stride 1 is a convolution whose weights are turned round. OpenVINO and TorchScript leave its
sum and ReLU as passes of their own over maps of full size.
"""

from __future__ import annotations

from torch import nn

from model_src.networks.coronet import CoroNet
from model_src.networks.eager_copy import eager_copy


def plain_copy(model: CoroNet) -> CoroNet | None:
    """An eager CoroNet that says the same, weights shared but for the decoders; None if its networks are not ours."""
    shared = eager_copy(model)
    if shared is None:
        return None
    make_decoders_plain(shared.tfen)
    return shared.eval().requires_grad_(False)


def make_decoders_plain(network: nn.Module) -> None:
    """Put plain convolutions in the place of the transposed ones of the autoencoders in `network`."""
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.ConvTranspose2d):
                setattr(module, name, as_convolution(layer))


def as_convolution(transposed: nn.ConvTranspose2d) -> nn.Conv2d:
    """The same function as a 3x3 convolution: weights turned round.

    Raises:
        ValueError: it is not one of an FPAE, of stride 1 and padding 1.
    """
    if transposed.kernel_size != (3, 3) or transposed.stride != (1, 1) or transposed.padding != (1, 1):
        raise ValueError(f"{transposed}: need a kernel of 3 x 3, stride 1 and padding 1")
    convolution = nn.Conv2d(transposed.in_channels, transposed.out_channels, 3, padding=1)
    convolution.weight = nn.Parameter(transposed.weight.detach().flip(2, 3).transpose(0, 1).contiguous())
    convolution.bias = transposed.bias
    return convolution
