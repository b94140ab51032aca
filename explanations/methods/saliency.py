"""Saliency (Simonyan et al. 2013), by Captum: the magnitude of the gradient of the target's log-odds.

With more than one step it is SmoothGrad: the mean magnitude over that many noisy copies of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from explanations.captum_library import captum_attr
from explanations.grid_maps import LARGEST_GRID, pool, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.noise_tunnel import over_noisy_copies
from explanations.settings import Settings, integer, number
from explanations.target_model import TargetModel


@dataclass(frozen=True, kw_only=True)
class SaliencySettings(Settings):
    """Options of saliency."""

    steps: int = integer(1, 1, 256, "noisy copies to average over (SmoothGrad); 1 = the image itself, no noise")
    smooth_noise: float = number(0.05, 0, 0.5, "standard deviation of the noise, image range is 1")
    grid: int = integer(28, 4, LARGEST_GRID, "cells along each side of the map")


def attribute(model: TargetModel, x: Tensor, settings: SaliencySettings) -> Maps:
    """See `Method` for the contract."""
    method = captum_attr().Saliency(model.log_odds)

    def one(noisy: Tensor) -> Tensor:
        return method.attribute(noisy.clone().requires_grad_(True), abs=True)

    attribution = over_noisy_copies(one, x, settings.steps, settings.smooth_noise, settings.seed)
    return Maps(
        heatmaps=to_heatmap(pool(attribution, settings.grid), "absolute"),
        sign=sign_text("absolute"),
        steps=[settings.steps] * len(x),
    )


def work(settings: SaliencySettings) -> Work:
    """Passes for one image."""
    return Work(gradients=settings.steps)


METHOD = Method(
    name="saliency",
    summary="Where would a tiny change of the picture change the answer most?",
    settings=SaliencySettings,
    attribute=attribute,
    work=work,
)
