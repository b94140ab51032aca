"""An engine as a newcomer would add it: this file, and a row in the registry, which the tests add.

It runs eagerly. A toy that is told to lie moves every probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model_src.networks.coronet import Classified, CoroNet


@dataclass(frozen=True)
class ToyEngine:
    """The network itself, in float32."""

    model: CoroNet
    precision: str
    lie: float
    name: str = "toy"

    def classify(self, x: Tensor) -> Classified:
        """What the network says, moved by the lie."""
        found = self.model.classify(x)
        return found._replace(probabilities=found.probabilities + self.lie)


@dataclass(frozen=True)
class ToyEngineType:
    """Makes toys for one kind of device and the precisions given."""

    device: str = "cpu"
    precisions: tuple[str, ...] = ("float32",)
    lie: float = 0.0

    def supports(self, device: torch.device, precision: str) -> str | None:
        """Why not, if so."""
        if device.type != self.device:
            return f"is for {self.device}"
        return None if precision in self.precisions else f"has no {precision}"

    def open(
        self, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> ToyEngine:
        """A toy around `model`."""
        return ToyEngine(model, precision, self.lie)
