"""Gradient SHAP (Lundberg & Lee, NeurIPS 2017), by Captum: integrated gradients in expectation.

Gradients at random points between random baselines (black, blurred, healthy-looking) and noisy copies of
the image, times the distance to the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.captum_library import captum_attr
from explanations.grid_maps import LARGEST_GRID, SIGNS, pool, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.perturbations import BASELINES, baseline
from explanations.preserved_state import reseed
from explanations.settings import Settings, choice, integer, number
from explanations.target_model import TargetModel

CALL_SAMPLES = 4  # samples in one forward and backward pass: each keeps every activation of a full-size image


@dataclass(frozen=True, kw_only=True)
class GradientShapSettings(Settings):
    """Options of gradient SHAP."""

    steps: int = integer(24, 1, 500, "random samples")
    smooth_noise: float = number(0.05, 0, 0.5, "standard deviation of the noise, image range is 1")
    sign: str = choice("positive", SIGNS, "which attributions the map shows")
    grid: int = integer(28, 4, LARGEST_GRID, "cells along each side of the map")


def attribute(model: TargetModel, x: Tensor, settings: GradientShapSettings) -> Maps:
    """See `Method` for the contract."""
    attributions = [_of_one(model, x, row, settings) for row in range(len(x))]
    return Maps(
        heatmaps=to_heatmap(pool(torch.cat(attributions), settings.grid), settings.sign),
        sign=sign_text(settings.sign),
        steps=[settings.steps] * len(x),
        details=[{"baselines": list(BASELINES)}] * len(x),
    )


def _of_one(model: TargetModel, x: Tensor, row: int, settings: GradientShapSettings) -> Tensor:
    """(1, 1, S, S) attribution of one image; its random numbers do not depend on its neighbours in the batch."""
    image = x[row : row + 1]
    references = torch.cat([baseline(name, model, image) for name in BASELINES])
    reseed(settings.seed)
    total = torch.zeros_like(image)
    for first in range(0, settings.steps, CALL_SAMPLES):
        samples = min(CALL_SAMPLES, settings.steps - first)
        method = captum_attr().GradientShap(model.only([row] * samples).log_odds)
        part = method.attribute(image, references, n_samples=samples, stdevs=settings.smooth_noise)
        total += part.float() * samples
    return total / settings.steps


def work(settings: GradientShapSettings) -> Work:
    """Passes for one image."""
    return Work(forwards=1, gradients=settings.steps)


METHOD = Method(
    name="gradient_shap",
    summary="How much does each region add, averaged over several pictures that stand for no information?",
    settings=GradientShapSettings,
    attribute=attribute,
    work=work,
)
