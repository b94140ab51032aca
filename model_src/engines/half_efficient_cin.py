"""EfficientNet-Lite2 for inference on a GPU: batch norm folded into its convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.engines.half_convolution import HalfConvolution
from model_src.networks.efficient_cin import EfficientCIN, blurred


class _Layers:
    """Convolutions with batch norm, a ReLU6 behind each that has one."""

    def __init__(self, modules: Iterable[nn.Module], dtype: torch.dtype, device: torch.device) -> None:
        self._steps: list[tuple[HalfConvolution, bool]] = []
        listed = list(modules)
        for place, module in enumerate(listed):
            if isinstance(module, nn.Conv2d):
                norm = listed[place + 1]
                bounded = any(isinstance(behind, nn.ReLU6) for behind in listed[place + 2 : place + 3])
                self._steps.append((HalfConvolution(module, norm, dtype, device), bounded))  # type: ignore[arg-type]

    def __call__(self, x: Tensor) -> Tensor:
        for convolution, bounded in self._steps:
            x = convolution.plain(x)
            if bounded:
                x = F.hardtanh_(x, 0.0, 6.0)
        return x


class HalfEfficientCIN:
    """`EfficientCIN` in a precision below float32; takes and answers what HalfCIN does, the map with 1280 channels."""

    def __init__(self, cin: EfficientCIN, device: torch.device, dtype: torch.dtype) -> None:
        self.mean = cin.residual_mean.flatten().to(device)
        self.std = cin.residual_std.flatten().to(device)
        self._blur = cin.residual_blur.to(device, dtype)
        self._enlarged = cin.enlarged
        self._stem = _Layers(cin.stem, dtype, device)
        blocks: list[Any] = [block for stage in cin.stages.children() for block in stage.children()]
        self._blocks = [(_Layers(block.layers, dtype, device), block.adds) for block in blocks]
        self._head = _Layers(cin.head, dtype, device)
        self._weight, self._bias = cin.fc.weight.to(device), cin.fc.bias.to(device)

    def __call__(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and the last convolutional map (N, 1280, h, w), both float32, of `shown` (N, 8, S, S)."""
        x = blurred(shown, self._blur)
        x = self._stem(torch.ops.aten.upsample_bilinear2d(x, None, False, [self._enlarged, self._enlarged]))
        for layers, adds in self._blocks:
            x = layers(x) + x if adds else layers(x)
        features = self._head(x).float()
        return F.linear(features.mean(dim=(2, 3)), self._weight, self._bias), features
