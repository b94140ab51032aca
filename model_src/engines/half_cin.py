"""The CIN for inference on a GPU: batch norm folded into its convolutions, ReLU and sums into their kernels."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from model_src.engines.half_convolution import HalfConvolution
from model_src.networks.cin import CIN
from model_src.networks.resnet import BasicBlock


class _Block:
    """A BasicBlock."""

    def __init__(self, block: BasicBlock, dtype: torch.dtype, device: torch.device) -> None:
        self._first = HalfConvolution(block.conv1, block.bn1, dtype, device)
        self._second = HalfConvolution(block.conv2, block.bn2, dtype, device)
        down: Any = block.downsample  # a convolution and its batch norm, which a Sequential's type does not tell
        self._down = HalfConvolution(down[0], down[1], dtype, device) if down else None

    def __call__(self, x: Tensor) -> Tensor:
        added = self._down.plain(x) if self._down else x
        return self._second.with_relu(self._first.with_relu(x), added)


class HalfCIN:
    """`CIN` in a precision below float32, for standardised residuals of eight channels, the last five zeros."""

    def __init__(self, cin: CIN, device: torch.device, dtype: torch.dtype) -> None:
        self.mean = cin.residual_mean.flatten().to(device)
        self.std = cin.residual_std.flatten().to(device)
        self._start = HalfConvolution(cin.conv1, cin.bn1, dtype, device)
        layers = (cin.layer1, cin.layer2, cin.layer3, cin.layer4)
        blocks = [block for layer in layers for block in layer if isinstance(block, BasicBlock)]
        self._blocks = [_Block(block, dtype, device) for block in blocks]
        self._weight = cin.fc.weight.to(device)
        self._bias = cin.fc.bias.to(device)

    def __call__(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and the last convolutional map (N, 512, S/32, S/32), both float32, of `shown` (N, 8, S, S)."""
        x = F.max_pool2d(self._start.with_relu(shown), 3, 2, 1)
        for block in self._blocks:
            x = block(x)
        features = x.float()
        return F.linear(features.mean(dim=(2, 3)), self._weight, self._bias), features
