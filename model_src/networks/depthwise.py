"""Gradients of depthwise convolutions in bfloat16 on a CPU, for which oneDNN has fast kernels of 3 x 3 alone.

For kernels of 5 x 5 and for steps of two it falls back on loops that take up to ten times as long as in float32. An
EfficientNet, half of whose kernels are such, spends two thirds of a training step there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _QuickGradients(torch.autograd.Function):
    """A depthwise convolution in bfloat16 whose gradients are float32 where that is faster."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        x, weight = x.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        narrow = gradient, x, weight
        wide = tuple(each.float() for each in narrow)

        def gradients(tensors: tuple[Tensor, ...], of_x: bool, of_weight: bool) -> tuple[Tensor, Tensor, Tensor]:
            step, pad = [ctx.stride] * 2, [ctx.padding] * 2
            return torch.ops.aten.convolution_backward(
                *tensors, None, step, pad, [1, 1], False, [0, 0], len(weight), [of_x, of_weight, False]
            )

        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = gradients(narrow if ctx.stride == 1 else wide, True, False)[0].bfloat16()
        if ctx.needs_input_grad[1]:
            to_weight = gradients(wide, False, True)[1]
        return to_x, to_weight, None, None


def quick_depthwise(network: nn.Module) -> None:
    """Let the depthwise convolutions of `network` whose gradients are slow in bfloat16 take the quick ones.

    Without gradients, and where autocast is off, they compute as ever.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and _is_slow(layer):
            layer.forward = partial(_forward, layer)  # type: ignore[method-assign]


def _is_slow(layer: nn.Conv2d) -> bool:
    depthwise = layer.groups == layer.in_channels > 1
    return depthwise and (layer.kernel_size != (3, 3) or layer.stride != (1, 1))


def _forward(layer: nn.Conv2d, x: Tensor) -> Tensor:
    if not (torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")):
        return nn.Conv2d.forward(layer, x)
    y = _QuickGradients.apply(x, layer.weight, layer.stride[0], int(layer.padding[0]))
    return y if layer.bias is None else y + layer.bias.to(y.dtype)[:, None, None]
