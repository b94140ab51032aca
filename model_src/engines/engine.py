"""The seam between what is asked of the chain and what computes it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from model_src.networks.coronet import Classified


class Engine(Protocol):
    """A loaded chain that classifies; one caller at a time."""

    @property
    def name(self) -> str:
        """As in `handler: engine:` of model-config.yaml."""

    @property
    def precision(self) -> str:
        """Of the arithmetic: float32, bfloat16 or float16. Answers are float32 in any case."""

    def classify(self, x: Tensor) -> Classified:
        """Answers, on the CPU, for `x` (N, 1, S, S) float32 in [0, 1], any N from 1, S the model's image size."""
