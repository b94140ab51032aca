"""The operators that a program may call, by the names that torch.export gives them. Nothing else is ever called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

_ATEN = torch.ops.aten

# What the networks consist of. An operator that reads files, runs code or makes random numbers has no place here.
OPERATORS: dict[str, Callable[..., Any]] = {
    f"torch.ops.aten.{name}": operator
    for name, operator in {
        "abs.default": _ATEN.abs.default,
        "adaptive_avg_pool2d.default": _ATEN.adaptive_avg_pool2d.default,
        "add.Tensor": _ATEN.add.Tensor,
        "add_.Tensor": _ATEN.add_.Tensor,
        "batch_norm.default": _ATEN.batch_norm.default,
        "cat.default": _ATEN.cat.default,
        "conv2d.default": _ATEN.conv2d.default,
        "conv_transpose2d.input": _ATEN.conv_transpose2d.input,
        "div.Tensor": _ATEN.div.Tensor,
        "dropout.default": _ATEN.dropout.default,  # off in evaluation mode, and torch.export keeps the call
        "expand.default": _ATEN.expand.default,
        "flatten.using_ints": _ATEN.flatten.using_ints,
        "hardtanh.default": _ATEN.hardtanh.default,
        "linear.default": _ATEN.linear.default,
        "max_pool2d.default": _ATEN.max_pool2d.default,
        "mean.dim": _ATEN.mean.dim,
        "mul.Tensor": _ATEN.mul.Tensor,
        "relu.default": _ATEN.relu.default,
        "relu_.default": _ATEN.relu_.default,
        "sigmoid.default": _ATEN.sigmoid.default,
        "sub.Tensor": _ATEN.sub.Tensor,
        "unsqueeze.default": _ATEN.unsqueeze.default,
        "upsample_bilinear2d.vec": _ATEN.upsample_bilinear2d.vec,
    }.items()
}
