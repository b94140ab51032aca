"""Where and how precisely networks are trained."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from model_src.errors import RunError

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Compute:
    """A device and a precision. Networks and images are kept channels-last, which is faster on both."""

    device: torch.device
    bfloat16: bool

    def prepare(self, network: Module) -> Module:
        """The network on the device, channels-last."""
        network.to(self.device)
        network.to(memory_format=torch.channels_last)
        return network

    def send(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) on the device, channels-last."""
        return images.to(self.device, memory_format=torch.channels_last, non_blocking=True)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context for a forward pass; weights are cast anew in each, as a CUDA graph needs it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False)


def choose_compute(device: str, precision: str) -> Compute:
    """Resolve "auto": CUDA if there is one; bfloat16 on CUDA, float32 on a CPU.

    Raises:
        RunError: CUDA was asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise RunError("--device cuda: this PyTorch finds no CUDA device; use --device cpu or auto")
    chosen = torch.device("cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu")
    return Compute(chosen, precision == "bfloat16" or (precision == "auto" and chosen.type == "cuda"))
