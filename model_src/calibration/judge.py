"""A calibration and an answer -> what the answer leaves open, and whether its film is in scope."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model_src.calibration.file import Calibration
from model_src.calibration.judgement import InScope, Judgement
from model_src.calibration.prediction_sets import prediction_set
from model_src.calibration.reliability import such_answers
from model_src.calibration.scope import ScopeScorer, describe_pictures
from model_src.classes import CLASS_NAMES


class Judge:
    """A calibration, ready to judge answers. Holds no state between them."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._scorer = ScopeScorer(calibration.scope) if calibration.scope else None

    def scopes(self, x: Tensor, summary: Tensor | None) -> list[InScope | None]:
        """Whether each film is in scope: `x` (N, 1, S, S) in [0, 1] and its summary (N, 640), both on the CPU."""
        if self._scorer is None or summary is None:
            return [None] * len(x)
        return list(self._scorer.score(torch.cat([describe_pictures(x), summary], 1).numpy()))

    def judge(self, probabilities: Sequence[float], label: int, in_scope: InScope | None) -> Judgement:
        """What there is to say of an answer of class `label`."""
        sets = {
            level: prediction_set(probabilities, lowest)
            for level, lowest in self.calibration.lowest_probability.items()
        }
        bands = self.calibration.reliability[CLASS_NAMES[label]]
        return Judgement(sets, such_answers(bands, probabilities[label]), in_scope)

    def describe(self) -> dict[str, object]:
        """The calibration in plain values, without its arrays."""
        found, scope = self.calibration, self.calibration.scope
        return {
            "films": found.films,
            "patients": found.patients,
            "levels": [int(level) for level in found.lowest_probability],
            "always_in_set": found.always_in_set(),
            "in_scope_percent": None if scope is None else round(scope.in_scope_percent, 1),
        }
