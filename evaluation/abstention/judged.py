"""A classifier whose films are judged on the way, so that an evaluation classifies each film once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from evaluation.predictions import Classifier
from evaluation.results import ImageResult
from model_src.calibration.judge import Judge
from model_src.calibration.judgement import InScope, Judgement
from model_src.networks.coronet import Classified, CoroNet


@dataclass
class JudgedClassifier:
    """Passes answers on unchanged and keeps, film by film, whether it is in scope."""

    inner: Classifier
    judge: Judge
    scopes: list[InScope | None] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the model."""
        return self.inner.name

    @property
    def image_size(self) -> int:
        """Of the model."""
        return self.inner.image_size

    @property
    def provenance(self) -> dict[str, Any]:
        """Of the model."""
        return self.inner.provenance

    @property
    def coronet(self) -> CoroNet | None:
        """Of the model."""
        return self.inner.coronet

    def classify(self, x: torch.Tensor) -> Classified:
        """Answer for `x` (N, 1, S, S) float32 in [0, 1] on the CPU."""
        found = self.inner.classify(x)
        summary = None if found.summary is None else found.summary.float().cpu()
        self.scopes += self.judge.scopes(x, summary)
        return found

    def judgements(self, results: Sequence[ImageResult]) -> list[Judgement]:
        """What there is to say of each answer, for the results of all films classified so far, in their order."""
        return [
            self.judge.judge(result.probabilities, result.predicted, scope)
            for result, scope in zip(results, self.scopes, strict=True)
        ]
