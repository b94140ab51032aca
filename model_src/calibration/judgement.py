"""What validation films say of one answer: plain values, for whoever shows or counts them. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_src.calibration.reliability import Band


@dataclass(frozen=True)
class InScope:
    """Whether a film is one that the model can be asked about."""

    value: bool
    score: float  # at least 0; larger is stranger
    threshold: float  # in scope up to it
    reason: str  # a phrase, without a full stop


@dataclass(frozen=True)
class Judgement:
    """Which classes an answer leaves open, whether its film is in scope, and how often such answers are right."""

    sets: Mapping[str, tuple[int, ...]]  # level in percent, as text -> indices of classes, the most probable first
    such_answers: Band  # validation films with an answer of the same class and a like probability
    in_scope: InScope | None  # None where the calibration had too few films to say
