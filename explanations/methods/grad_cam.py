"""Grad-CAM (Selvaraju et al., ICCV 2017) on the classifier's last convolutional map.

With A (C, h, w) the map that `cin.features` returns and s the target's log-odds from `cin.classify(A)`:
    weight of channel c = mean over h, w of ds/dA_c,      map = ReLU(sum over c of weight_c A_c).
No hooks are needed, so it works on TorchScript (Captum's LayerGradCam does not). At 224 pixels the map is 7
x 7: coarse, but cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explanations.grid_maps import SIGNS, sign_text, to_heatmap
from explanations.method import Maps, Method, Work
from explanations.noise_tunnel import over_noisy_copies
from explanations.settings import Settings, choice, integer, number
from explanations.target_model import TargetModel


@dataclass(frozen=True, kw_only=True)
class GradCamSettings(Settings):
    """Options of Grad-CAM."""

    steps: int = integer(1, 1, 256, "noisy copies to average over; 1 = the image itself, no noise")
    smooth_noise: float = number(0.05, 0, 0.5, "standard deviation of the noise, image range is 1")
    sign: str = choice("positive", SIGNS, "which evidence the map shows")


def attribute(model: TargetModel, x: Tensor, settings: GradCamSettings) -> Maps:
    """See `Method` for the contract."""

    def one(noisy: Tensor) -> Tensor:
        return class_activation(model, noisy)

    activation = over_noisy_copies(one, x, settings.steps, settings.smooth_noise, settings.seed)
    return Maps(
        heatmaps=to_heatmap(activation, settings.sign),
        sign=sign_text(settings.sign),
        steps=[settings.steps] * len(x),
    )


def class_activation(model: TargetModel, x: Tensor) -> Tensor:
    """Signed map (N, h, w): channels of the last convolutional map, weighted by their mean gradient."""
    model.check_deadline()
    cin: Any = model.network.cin  # eager or TorchScript, which types know nothing of
    with torch.no_grad():
        features = cin.features(model.network.tfen(x))
    features = features.detach().requires_grad_(True)
    score = model.log_odds_of(cin.classify(features).float())
    (gradient,) = torch.autograd.grad(score.sum(), features)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * features.detach()).sum(dim=1).float()


def work(settings: GradCamSettings) -> Work:
    """Passes for one image; only the classifier's last layers run backward, at next to no cost."""
    return Work(forwards=settings.steps)


METHOD = Method(
    name="grad_cam",
    summary="Which coarse region does the classifier's last convolution base the answer on?",
    settings=GradCamSettings,
    attribute=attribute,
    work=work,
)
