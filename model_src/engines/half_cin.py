"""The CIN for inference on a GPU: batch norm folded into its convolutions, ReLU and sums into their kernels."""

from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from model_src.networks.cin import CIN
from model_src.networks.folding import scale_and_shift

logger = logging.getLogger(__name__)


class _Convolution:
    """A convolution with the batch norm behind it; every use ends in a ReLU or is added to one that does."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, dtype: torch.dtype, device: torch.device) -> None:
        scale, bias = scale_and_shift(norm)
        weight = conv.weight.detach().double().cpu() * scale[:, None, None, None]
        weight = F.pad(weight, (0, 0, 0, 0, 0, -weight.shape[1] % 8))  # cuDNN's half kernels want eights
        self.weight = weight.to(device, dtype, memory_format=torch.channels_last)
        self.bias = bias.to(device, dtype)
        self._one_kernel = True
        self._stride, self._padding = list(conv.stride), [int(p) for p in conv.padding]

    def plain(self, x: Tensor) -> Tensor:
        """The convolution alone."""
        return F.conv2d(x, self.weight, self.bias, self._stride, self._padding)

    def with_relu(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """ReLU of the convolution, `added` to it before; one kernel on a GPU."""
        if x.is_cuda and self._one_kernel:
            try:
                return self._fused(x, added)
            except RuntimeError as error:  # raised before anything runs: cuDNN has no such kernel for this card
                logger.warning("predictions are slower than they could be: %s", error)
                self._one_kernel = False
        y = self.plain(x)
        return F.relu(y if added is None else y + added)

    def _fused(self, x: Tensor, added: Tensor | None) -> Tensor:
        shape = self._stride, self._padding, [1, 1], 1
        if added is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *shape)
        return torch.cudnn_convolution_add_relu(x, self.weight, added, 1.0, self.bias, *shape)


class _Block:
    """torchvision's BasicBlock."""

    def __init__(self, block: BasicBlock, dtype: torch.dtype, device: torch.device) -> None:
        self._first = _Convolution(block.conv1, block.bn1, dtype, device)
        self._second = _Convolution(block.conv2, block.bn2, dtype, device)
        down = block.downsample
        self._down = _Convolution(down[0], down[1], dtype, device) if down else None

    def __call__(self, x: Tensor) -> Tensor:
        added = self._down.plain(x) if self._down else x
        return self._second.with_relu(self._first.with_relu(x), added)


class HalfCIN:
    """`CIN` in a precision below float32, for standardised residuals of eight channels, the last five zeros."""

    def __init__(self, cin: CIN, device: torch.device, dtype: torch.dtype) -> None:
        self.mean = cin.residual_mean.flatten().to(device)
        self.std = cin.residual_std.flatten().to(device)
        self._start = _Convolution(cin.conv1, cin.bn1, dtype, device)
        layers = (cin.layer1, cin.layer2, cin.layer3, cin.layer4)
        self._blocks = [_Block(block, dtype, device) for layer in layers for block in layer]
        self._weight = cin.fc.weight.to(device)
        self._bias = cin.fc.bias.to(device)

    def __call__(self, shown: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and the last convolutional map (N, 512, S/32, S/32), both float32, of `shown` (N, 8, S, S)."""
        x = F.max_pool2d(self._start.with_relu(shown), 3, 2, 1)
        for block in self._blocks:
            x = block(x)
        features = x.float()
        return F.linear(features.mean(dim=(2, 3)), self._weight, self._bias), features
