"""What a predictor says of an X-ray: plain values, for whoever shows, counts or stores them. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # its own imports need pydantic, which the base installation lacks
    from model_src.calibration.judgement import Judgement


@dataclass(frozen=True)
class XrayInfo:
    """The X-ray that a result is about, without its pixels."""

    format: str  # of the file: "PNG", "JPEG", "WEBP", "TIFF" or "DICOM"
    width: int  # pixels, upright, as it was submitted
    height: int
    warnings: tuple[str, ...] = ()  # about the image, one sentence each


@dataclass(frozen=True)
class Prediction:
    """How a model classifies one X-ray. All numbers are finite."""

    probabilities: tuple[float, ...]  # in the order of CLASS_NAMES, in [0, 1], sum 1
    label: int  # index of the most probable class
    residual_means: tuple[float, float]  # mean |X - F_H(X)| (healthy) and |X - F_P(X)| (pneumonia), in [0, 1]
    xray: XrayInfo
    model_version: str
    warnings: tuple[str, ...] = ()  # what every result of this model must say
    digests: Mapping[str, str] = field(default_factory=dict)  # the model's files by name -> SHA-256
    judgement: Judgement | None = None  # what validation films say of this answer; None without a calibration


@dataclass(frozen=True)
class Explanation:
    """Why a model finds a class in one X-ray. All numbers are finite."""

    prediction: Prediction
    method: str  # a name in `explanations.METHODS`
    target: int  # index of the class that is explained
    steps: int  # model evaluations spent on the map
    seed: int
    sign: str  # what a high value of the map means
    heatmap: np.ndarray  # float32 (h, w) in [0, 1], 1 = matters most; h and w at most 64
    residuals: np.ndarray  # float32 (3, S, S): what the classifier was given, equations (5)-(7)
    probability_before: float  # of the target, for the X-ray as it is
    probability_after: float  # with what the map marks removed (or, preservation, alone kept)
    deletion: float  # area under the deletion curve, in [0, 1], small is good
    insertion: float  # area under the insertion curve, in [0, 1], large is good
    details: dict[str, Any] = field(default_factory=dict)  # the method's own facts: plain values
    options: Mapping[str, Any] = field(default_factory=dict)  # all that the method was asked with: plain values
    warnings: tuple[str, ...] = ()  # of the method
