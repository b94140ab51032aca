"""Batch norm in evaluation mode: a multiplication and an addition per channel, which engines fold into what is near."""

from __future__ import annotations

from torch import Tensor, nn


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
