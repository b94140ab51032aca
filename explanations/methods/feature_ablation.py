"""Feature ablation, by Captum: replace one tile at a time and watch the target's log-odds drop.

Tiles are a regular grid, or superpixels that follow the image's edges (see superpixels.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.captum_library import captum_attr
from explanations.grid_maps import LARGEST_GRID, SIGNS, pool, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.perturbations import BASELINES, baseline
from explanations.settings import Settings, choice, integer
from explanations.superpixels import grid_tiles, superpixels
from explanations.target_model import TargetModel

CALL_IMAGES = 8  # images in one forward pass
TILES = ("grid", "superpixels")


@dataclass(frozen=True, kw_only=True)
class FeatureAblationSettings(Settings):
    """Options of feature ablation."""

    steps: int = integer(64, 1, 1024, "tiles, rounded down to a square number")
    tiles: str = choice("superpixels", TILES, "a regular grid, or tiles that follow edges")
    baseline: str = choice("blur", BASELINES, "what a tile is replaced by")
    sign: str = choice("positive", SIGNS, "which evidence the map shows")


def attribute(model: TargetModel, x: Tensor, settings: FeatureAblationSettings) -> Maps:
    """See `Method` for the contract."""
    across = min(math.isqrt(settings.steps), x.shape[-1])

    def score(images: Tensor) -> Tensor:
        copies = len(images) // len(x)
        return model.only(torch.arange(len(x)).repeat(copies)).log_odds(images)

    tiles = grid_tiles(x, across) if settings.tiles == "grid" else superpixels(x, across)
    with torch.no_grad():
        drop = (
            captum_attr()
            .FeatureAblation(score)
            .attribute(
                x,
                baselines=baseline(settings.baseline, model, x),
                feature_mask=tiles,
                perturbations_per_eval=max(1, CALL_IMAGES // len(x)),
            )
        )
    grid = across if settings.tiles == "grid" else LARGEST_GRID
    return Maps(
        heatmaps=to_heatmap(pool(drop, min(grid, LARGEST_GRID)), settings.sign),
        sign=sign_text(settings.sign),
        steps=[across**2] * len(x),
        details=[{"baseline": settings.baseline, "tiles": settings.tiles}] * len(x),
    )


def work(settings: FeatureAblationSettings) -> Work:
    """Passes for one image."""
    return Work(forwards=settings.steps + 2)


METHOD = Method(
    name="feature_ablation",
    summary="Which tile, when replaced, lowers the answer most?",
    settings=FeatureAblationSettings,
    attribute=attribute,
    work=work,
)
