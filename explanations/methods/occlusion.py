"""Occlusion (Zeiler & Fergus, ECCV 2014), by Captum: slide a window over the image and watch the log-odds drop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.captum_library import captum_attr
from explanations.grid_maps import SIGNS, pool, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.perturbations import BASELINES, baseline
from explanations.settings import Settings, choice, integer, number
from explanations.target_model import TargetModel

CALL_IMAGES = 8  # images in one forward pass


@dataclass(frozen=True, kw_only=True)
class OcclusionSettings(Settings):
    """Options of occlusion."""

    steps: int = integer(100, 1, 1024, "window positions, rounded down to a square number")
    window: float = number(0.2, 0.02, 1, "side of the window", unit="part of the image's side")
    baseline: str = choice("blur", BASELINES, "what the window shows instead")
    sign: str = choice("positive", SIGNS, "which evidence the map shows")


def attribute(model: TargetModel, x: Tensor, settings: OcclusionSettings) -> Maps:
    """See `Method` for the contract."""
    window, stride, across = windows(x.shape[-1], settings)

    def score(images: Tensor) -> Tensor:
        copies = len(images) // len(x)  # Captum stacks the perturbed copies image by image within each copy
        return model.only(torch.arange(len(x)).repeat(copies)).log_odds(images)

    with torch.no_grad():
        drop = (
            captum_attr()
            .Occlusion(score)
            .attribute(
                x,
                sliding_window_shapes=(1, window, window),
                strides=(1, stride, stride),
                baselines=baseline(settings.baseline, model, x),
                perturbations_per_eval=max(1, CALL_IMAGES // len(x)),
            )
        )
    return Maps(
        heatmaps=to_heatmap(pool(drop, max(across, 2 * across - 1)), settings.sign),
        sign=sign_text(settings.sign),
        steps=[across**2] * len(x),
        details=[{"baseline": settings.baseline, "window": window, "stride": stride}] * len(x),
    )


def windows(size: int, settings: OcclusionSettings) -> tuple[int, int, int]:
    """Window side and stride in pixels, and positions along each side, for images of `size` pixels."""
    across = min(math.isqrt(settings.steps), size)
    window = max(1, round(settings.window * size), math.ceil(size / across))
    if across == 1:
        return size, size, 1
    stride = max(1, math.ceil((size - window) / (across - 1)))
    return window, stride, 1 + math.ceil((size - window) / stride)


def work(settings: OcclusionSettings) -> Work:
    """Passes for one image."""
    return Work(forwards=settings.steps + 2)


METHOD = Method(
    name="occlusion",
    summary="Which window, when covered, lowers the answer most?",
    settings=OcclusionSettings,
    attribute=attribute,
    work=work,
)
