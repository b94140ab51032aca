"""The rule that whatever runs the networks has to pass: no label changes, and no probability moves by much."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from model_src.engines.settings import TOLERANCE


@dataclass(frozen=True)
class Moved:
    """How far answers are from those of the artefacts themselves, in float32."""

    images: int
    labels: int  # that changed
    probability: float  # the largest move; not a number where an answer is none

    @classmethod
    def between(cls, expected: Tensor, found: Tensor) -> Moved:
        """Of `found` from `expected`, both probabilities (N, 3)."""
        labels = int((expected.argmax(dim=1) != found.argmax(dim=1)).sum())
        return cls(len(expected), labels, float((found - expected).abs().max()))

    def allowed(self, tolerance: float = TOLERANCE) -> bool:
        """Whether the rule is kept; never by an answer that is not a number."""
        return self.labels == 0 and self.probability <= tolerance
