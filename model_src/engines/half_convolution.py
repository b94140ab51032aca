"""A convolution of a classifier on a GPU: batch norm folded in, and ReLU and sum in its kernel where there is one."""

from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.networks.folding import scale_and_shift

logger = logging.getLogger(__name__)


class HalfConvolution:
    """A convolution with the batch norm behind it; x (N, C, H, W) of `dtype`, channels-last, C filled up to eights."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, dtype: torch.dtype, device: torch.device) -> None:
        scale, bias = scale_and_shift(norm)
        weight = conv.weight.detach().double().cpu() * scale[:, None, None, None]
        if conv.groups == 1:  # cuDNN's half kernels want eights
            weight = F.pad(weight, (0, 0, 0, 0, 0, -weight.shape[1] % 8))
        self.weight = weight.to(device, dtype, memory_format=torch.channels_last)
        self.bias = bias.to(device, dtype)
        self._one_kernel = True
        self._stride, self._padding, self._groups = list(conv.stride), [int(p) for p in conv.padding], conv.groups

    def plain(self, x: Tensor) -> Tensor:
        """The convolution alone."""
        return F.conv2d(x, self.weight, self.bias, self._stride, self._padding, groups=self._groups)

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
        shape = self._stride, self._padding, [1, 1], self._groups
        if added is None:
            return torch.cudnn_convolution_relu(x, self.weight, self.bias, *shape)
        return torch.cudnn_convolution_add_relu(x, self.weight, added, 1.0, self.bias, *shape)
