"""A recorded forward pass between two pinned pages of main memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from model_src.cuda_graph import CudaGraph


class PinnedGraph:
    """Answers up to `batch` images with one graph; pinned memory is read and written by the GPU itself."""

    def __init__(self, forward: Callable[[Tensor], Tensor], batch: int, size: int, device: torch.device) -> None:
        """Record `forward`: (batch, 1, size, size) float32 on the device -> (batch, A) float32 there."""
        self._device = device
        self._stream = torch.cuda.Stream(device)
        with torch.cuda.device(device), torch.cuda.stream(self._stream):
            self._images = torch.zeros(batch, 1, size, size, pin_memory=True)
            self._shown = torch.zeros_like(self._images, device=device)
            self._graph = CudaGraph(lambda: forward(self._shown), device)
            self._answers = torch.zeros(self._graph.result.shape, pin_memory=True)
            self._done = torch.cuda.Event()

    def __call__(self, x: Tensor) -> Tensor:
        """Answers (n, A) of `x` (n, 1, S, S), n at most the batch; the rest of it is what was there before."""
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            self._images[: len(x)].copy_(x)
            self._shown.copy_(self._images, non_blocking=True)
            self._answers.copy_(self._graph.replay(), non_blocking=True)
            self._done.record()
            self._done.synchronize()
        return self._answers[: len(x)].clone()
