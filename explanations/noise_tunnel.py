"""Smoothing by noise (SmoothGrad, Smilkov et al. 2017; Captum's "noise tunnel"): average over noisy copies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def over_noisy_copies(
    attribute: Callable[[Tensor], Tensor], x: Tensor, samples: int, deviation: float, seed: int
) -> Tensor:
    """Mean of `attribute` over `samples` copies of `x` (N, 1, S, S) plus Gaussian noise, clipped to [0, 1].

    One sample is the plain attribution of `x`. The noise pattern is shared by the images of a batch, so an
    image gets the same map in a batch as alone (Captum's own NoiseTunnel draws per batch, hence this one).
    """
    if samples == 1:
        return attribute(x)
    generator = torch.Generator().manual_seed(seed)
    copies = (
        (x + deviation * torch.randn(x.shape[1:], generator=generator).to(x.device)).clamp(0, 1) for _ in range(samples)
    )
    total = attribute(next(copies)).detach()
    for copy in copies:
        total = total + attribute(copy).detach()
    return total / samples
