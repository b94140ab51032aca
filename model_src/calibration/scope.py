"""Whether a film is one that the model can be asked about: a gate against what is no frontal chest, and its novelty.

Both look at a *description* of the film, some hundreds of numbers: the picture in 16 x 16 cells with its contrast taken
out, its roughness, the residuals in 8 x 8 cells and the classifier's pooled features.

- **The gate** is a softmax over five kinds, linear in the picture's part of the description: frontal chest, upside
  down, turned by a quarter, inverted, no chest.
- **Novelty** is the Mahalanobis distance of the description from the validation films, under a Gaussian with a variance
  of its own along the axes in which these differ most, and one variance for all the rest (probabilistic principal
  components, Tipping and Bishop 1999). It is one Gaussian for all classes: what is new need not be near any of them.

Each is scaled so that its limit is 1; the score is the larger of the two.
"""

from __future__ import annotations

import base64
import math
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from model_src.calibration.judgement import InScope

PICTURE_CELLS, ROUGHNESS_CELLS = 16, 8
FRONTAL, UPSIDE_DOWN, TURNED, INVERTED, NO_CHEST = range(5)

# What an answer says, by the gate's kind.
REASONS = {
    FRONTAL: "like the films that the model was calibrated on",
    UPSIDE_DOWN: "looks like a chest film that is upside down",
    TURNED: "looks like a chest film that lies on its side",
    INVERTED: "looks like a chest film with black and white exchanged",
    NO_CHEST: "looks like no frontal chest film",
}
NOVEL = "a film unlike those that the model was calibrated on"

LIMIT = 1.0  # of the score
_LARGEST_LOGIT = 10.0  # a gate's score is at most exp(10)
_LARGEST_SCORE = math.exp(_LARGEST_LOGIT)
_FLAT = 0.05  # contrast below which a picture's cells are not stretched any further

Finite = Annotated[float, Field(allow_inf_nan=False, description="a finite number")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, description="above 0")]


def describe_pictures(x: Tensor) -> Tensor:
    """The picture's part: `x` float32 (N, 1, S, S) in [0, 1], any S -> float32 (N, PICTURE_LENGTH)."""
    cells = F.adaptive_avg_pool2d(x, PICTURE_CELLS).flatten(1)
    mean, contrast = cells.mean(1, keepdim=True), cells.std(1, keepdim=True)
    local = F.adaptive_avg_pool2d(x, ROUGHNESS_CELLS)
    roughness = (F.adaptive_avg_pool2d(x.square(), ROUGHNESS_CELLS) - local.square()).clamp_min(0).sqrt().flatten(1)
    across, down = ((x.diff(dim=dim)).abs().mean((1, 2, 3)).unsqueeze(1) for dim in (3, 2))
    return torch.cat([(cells - mean) / (contrast + _FLAT), mean, contrast, across, down, roughness], 1)


PICTURE_LENGTH = PICTURE_CELLS**2 + 4 + ROUGHNESS_CELLS**2


@dataclass(frozen=True)
class Numbers:
    """An array in JSON: its shape, and float16 values, low byte first, as base64."""

    shape: tuple[Annotated[int, Field(ge=1)], ...]
    float16: str

    @classmethod
    def of(cls, values: np.ndarray) -> Numbers:
        """`values` as they are kept, rounded to three digits."""
        return cls(values.shape, base64.b64encode(values.astype("<f2").tobytes()).decode())

    def array(self) -> np.ndarray:
        """float32 of `shape`."""
        return np.frombuffer(base64.b64decode(self.float16), "<f2").reshape(self.shape).astype(np.float32)

    @model_validator(mode="after")
    def _whole(self) -> Numbers:
        values = self.array()  # ValueError where text and shape do not fit
        if not np.isfinite(values).all():
            raise ValueError("holds a value that is no number")
        return self


@dataclass(frozen=True)
class Scope:
    """What the score is computed from.

    Attributes:
        gate_weights, gate_bias: (5, PICTURE_LENGTH) and (5,), of the softmax over kinds.
        gate_limit: largest log odds against "frontal chest" that are in scope.
        centre, scale: (D,) mean and deviation of the validation films' descriptions.
        axes: (K, D) in which standardised descriptions differ most.
        spread: (K,) deviation of the validation films along them.
        rest: their deviation along each other axis.
        novelty_limit: largest distance, in deviations per axis, that is in scope.
        in_scope_percent: of validation films, held out in turn, that both limits leave in scope.
    """

    gate_weights: Numbers
    gate_bias: Numbers
    gate_limit: Finite
    centre: Numbers
    scale: Numbers
    axes: Numbers
    spread: Numbers
    rest: Positive
    novelty_limit: Positive
    in_scope_percent: Annotated[float, Field(ge=0, le=100, description="from 0 to 100")]

    @model_validator(mode="after")
    def _fits_together(self) -> Scope:
        axes, length = self.axes.shape if len(self.axes.shape) == 2 else (0, 0)
        shapes = (self.gate_weights, self.gate_bias, self.centre, self.scale, self.spread)
        needed = ((len(REASONS), PICTURE_LENGTH), (len(REASONS),), (length,), (length,), (axes,))
        if tuple(each.shape for each in shapes) != needed:
            raise ValueError("the scope's arrays do not fit each other")
        return self


class ScopeScorer:
    """`Scope` with its arrays unpacked: scores films."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._gate_weights, self._gate_bias = scope.gate_weights.array(), scope.gate_bias.array()
        self._centre, self._scale = scope.centre.array(), scope.scale.array()
        self._axes, self._spread = scope.axes.array(), scope.spread.array()

    def kinds(self, descriptions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) the most likely kind other than a frontal chest, and (N,) the log odds against a frontal chest."""
        logits = descriptions[:, :PICTURE_LENGTH] @ self._gate_weights.T + self._gate_bias
        return logits[:, 1:].argmax(1) + 1, np.logaddexp.reduce(logits[:, 1:], axis=1) - logits[:, FRONTAL]

    def novelty(self, descriptions: np.ndarray) -> np.ndarray:
        """(N,) distance from the validation films: root of the mean square, in deviations along an axis.

        Infinite where a description holds what is no number.
        """
        finite = np.isfinite(descriptions).all(1)
        known = np.where(finite[:, None], descriptions, 0).astype(np.float64)
        standard = (known - self._centre) / self._scale
        along = standard @ self._axes.T
        rest = np.maximum((standard**2).sum(1) - (along**2).sum(1), 0)  # the axes are of length 1
        squares = ((along / self._spread) ** 2).sum(1) + rest / self._scope.rest**2
        return np.where(finite, np.sqrt(squares / standard.shape[1]), np.inf)

    def score(self, descriptions: np.ndarray) -> list[InScope]:
        """For each of N descriptions, float32 (N, D): whether it is in scope, and why not."""
        return [
            self._judge(int(kind), float(odds), float(distance))
            for kind, odds, distance in zip(*self.kinds(descriptions), self.novelty(descriptions), strict=True)
        ]

    def _judge(self, kind: int, odds: float, distance: float) -> InScope:
        novelty = distance / self._scope.novelty_limit
        gate = math.exp(max(-_LARGEST_LOGIT, min(_LARGEST_LOGIT, odds - self._scope.gate_limit)))
        inside = NOVEL if novelty > LIMIT else REASONS[FRONTAL]
        reason = REASONS[kind] if gate > LIMIT else inside
        score = min(max(gate, novelty), _LARGEST_SCORE)  # finite, whatever the network's numbers are
        return InScope(score <= LIMIT, score, LIMIT, reason)
