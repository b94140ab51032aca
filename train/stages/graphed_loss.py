"""A training step's forward and backward pass as two CUDA graphs: a GPU is told once what hundreds of launches told it.

A small network on small images computes for less time than Python takes to launch it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GraphedLoss:
    """A loss of inputs, and perhaps targets, captured at the first batch of the usual size; others run as ever."""

    def __init__(self, loss: nn.Module, batch_size: int, image_size: int) -> None:
        self._loss, self._usual = loss, (batch_size, image_size)
        self._graphed: nn.Module | None = None

    def __call__(self, inputs: Tensor, *targets: Tensor) -> Tensor:
        """The loss, a scalar with gradients."""
        if (len(inputs), inputs.shape[-1]) != self._usual:
            return self._loss(inputs, *targets)
        if self._graphed is None:
            self._graphed = _captured(self._loss, inputs, *targets)
        return self._graphed(inputs, *targets)


def _captured(loss: nn.Module, *shown: Tensor) -> nn.Module:
    """`loss` as graphs; the runs that capture them leave weights, moments and gradients as they were."""
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    graphed = _Shared(loss)  # whose forward is replaced
    torch.cuda.make_graphed_callables(graphed, tuple(part.clone() for part in shown))
    loss.load_state_dict(before)
    for parameter in loss.parameters():
        parameter.grad = None
    return graphed


class _Shared(nn.Module):
    """The same loss under another name: capturing replaces a module's `forward`, and the plain one is wanted too."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, *shown: Tensor) -> Tensor:
        return self.loss(*shown)
