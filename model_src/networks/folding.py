"""Batch norm in evaluation mode: a multiplication and an addition per channel, which engines fold into what is near."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """(C,) and (C,) float64 on the CPU: norm(x) = scale * x + shift.

    Raises:
        ValueError: it keeps no running statistics.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("batch norm: without running statistics it cannot be folded")
    weight, bias, mean, var = (
        value.detach().double().cpu() for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    scale = weight / (var + norm.eps).sqrt()
    return scale, bias - mean * scale


def fold_batch_norm(network: nn.Module) -> None:
    """Give each convolution of a `Sequential` the batch norm behind it, for good; in evaluation mode.

    Layers are replaced, not changed: weights that another network shares stay.
    """
    for layers in list(network.modules()):
        if isinstance(layers, nn.Sequential):
            for place, (convolution, norm) in enumerate(pairwise(list(layers))):
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    layers[place], layers[place + 1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
