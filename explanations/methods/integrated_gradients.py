"""Integrated gradients (Sundararajan et al., ICML 2017), by Captum: what each pixel adds from a baseline to the image.

The attributions of all pixels add up to the log-odds of the image minus the log-odds of the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.captum_library import captum_attr
from explanations.grid_maps import LARGEST_GRID, SIGNS, pool, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.noise_tunnel import over_noisy_copies
from explanations.perturbations import BASELINES, baseline
from explanations.settings import Settings, choice, integer, number
from explanations.target_model import TargetModel


@dataclass(frozen=True, kw_only=True)
class IntegratedGradientsSettings(Settings):
    """Options of integrated gradients."""

    steps: int = integer(16, 1, 500, "points of the integral (Gauss-Legendre)")
    baseline: str = choice("blur", BASELINES, "the picture that stands for no information")
    smooth_samples: int = integer(1, 1, 64, "noise tunnel: average over this many noisy copies (1 = off)")
    smooth_noise: float = number(0.05, 0, 0.5, "noise tunnel: standard deviation of the noise, image range is 1")
    sign: str = choice("positive", SIGNS, "which attributions the map shows")
    grid: int = integer(28, 4, LARGEST_GRID, "cells along each side of the map")


def attribute(model: TargetModel, x: Tensor, settings: IntegratedGradientsSettings) -> Maps:
    """See `Method` for the contract."""
    method = captum_attr().IntegratedGradients(model.log_odds)
    reference = baseline(settings.baseline, model, x)
    with torch.no_grad():
        start = model.log_odds(reference)

    changes = []  # of the log-odds from the reference to each copy: what its attributions add up to

    def one(noisy: Tensor) -> Tensor:
        with torch.no_grad():
            logits = model.original_logits(x) if settings.smooth_samples == 1 else model.logits(noisy)
            changes.append(model.log_odds_of(logits) - start)
        return method.attribute(noisy, reference, n_steps=settings.steps, internal_batch_size=len(noisy))

    attribution = over_noisy_copies(one, x, settings.smooth_samples, settings.smooth_noise, settings.seed)
    change = torch.stack(changes).mean(dim=0)
    error = (attribution.sum(dim=(1, 2, 3)) - change).abs() / change.abs().clamp(min=1e-6)
    return Maps(
        heatmaps=to_heatmap(pool(attribution, settings.grid), settings.sign),
        sign=sign_text(settings.sign),
        steps=[settings.steps] * len(x),
        details=[
            {
                "baseline": settings.baseline,
                "log_odds_change": round(float(change[i]), 6),
                "completeness_error": round(float(error[i]), 6),
            }
            for i in range(len(x))
        ],
    )


def work(settings: IntegratedGradientsSettings) -> Work:
    """Passes for one image."""
    return Work(forwards=1 + settings.smooth_samples, gradients=settings.steps * settings.smooth_samples)


METHOD = Method(
    name="integrated_gradients",
    summary="How much does each region add to the answer, coming from a picture without information?",
    settings=IntegratedGradientsSettings,
    attribute=attribute,
    work=work,
)
