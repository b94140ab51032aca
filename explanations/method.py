"""What an explanation method is: a function from a model and a batch of images to maps, and its facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from explanations.settings import Settings
from explanations.target_model import TargetModel


@dataclass(frozen=True)
class Work:
    """What a request costs per image, counted in passes through the whole network."""

    forwards: int = 0  # passes without a gradient
    gradients: int = 0  # forward and backward passes
    mask_steps: int = 0  # forward and backward passes of the fast copy (fast_model.py)


@dataclass
class Maps:
    """A method's result for a batch of N images."""

    heatmaps: Tensor  # (N, h, w) float32 in [0, 1], 1 = matters most; h and w at most 64
    sign: str  # what a high value means, in a few words
    steps: list[int]  # evaluations spent on each image
    step_seconds: float | None = None  # of one step on the masks of all images, where the method takes such steps
    perturbed: Tensor | None = None  # (N, 1, S, S) the images the method ended with; None: blur where the map is high
    warnings: list[list[str]] = field(default_factory=list)  # one list per image, or empty
    details: list[dict[str, Any]] = field(default_factory=list)  # one JSON-ready dict per image, or empty


@dataclass(frozen=True)
class Method:
    """One row of the registry.

    `attribute(model, x, settings)` takes x (N, 1, S, S) float32 in [0, 1] on the model's device with
    gradients enabled and every parameter frozen. Once `model.deadline` has passed it raises InvalidRequest, as
    `model.log_odds` does by itself, or returns what it has, with a warning. It may use the global random
    generators (seeded, and put back by the caller) and need not restore anything.
    """

    name: str
    summary: str  # the question it answers, one line
    settings: type[Settings]
    attribute: Callable[[TargetModel, Tensor, Any], Maps]
    work: Callable[[Any], Work]
