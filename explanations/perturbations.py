"""What a masked-out pixel is replaced by: blur, fade, noise, the mirrored film, or the healthy autoencoder's picture.

Also the reference images of integrated gradients ("baselines"). All are (N, 1, S, S) float32 in [0, 1], made
from the image alone, without gradients. Lengths are given in pixels of a 224-pixel image and scale with S.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from explanations.target_model import TargetModel

PERTURBATIONS = ("blur", "fade", "noise", "healthy", "mirror")
BASELINES = ("black", "blur", "healthy")
REFERENCE_SIZE = 224  # the image size that lengths in pixels refer to
_ROUNDING = 1e-6  # of float32 in a weighted mean of gray values


@torch.no_grad()
def perturbation(name: str, model: TargetModel, x: Tensor, blur_sigma: float, seed: int) -> Tensor:
    """The fully perturbed version of `x` (N, 1, S, S).

    blur: Gaussian of `blur_sigma` pixels. fade: each image's mean gray. noise: mean gray plus Gaussian noise
    with the image's own standard deviation (drawn from `seed`, the same pattern for each image). healthy:
    F_H(X), the healthy autoencoder's reconstruction, a generated picture instead of a blurred one
    (Agarwal et al. 2019 ask for such; section 3.4 of the paper). mirror: at each place the darker of the film and its
    mirror image, left and right exchanged: what is dense on one side becomes as clear as the other side. A blurred
    opacity is still an opacity, and a blurred clear lung looks like one; this takes density away and adds none.
    """
    if name == "blur":
        return gaussian_blur(x, blur_sigma * x.shape[-1] / REFERENCE_SIZE)
    if name == "healthy":
        tfen: Any = model.network.tfen  # eager or TorchScript, which types know nothing of
        return tfen.reconstruct(x)[0].float().clamp(0, 1)
    if name == "mirror":
        return torch.minimum(x, x.flip(-1))
    mean = x.mean(dim=(1, 2, 3), keepdim=True).expand_as(x)
    if name == "fade":
        return mean.contiguous()
    generator = torch.Generator().manual_seed(seed)
    pattern = torch.randn(x.shape[1:], generator=generator).to(x.device)
    return (mean + pattern * x.std(dim=(1, 2, 3), keepdim=True)).clamp(0, 1)


def baseline(name: str, model: TargetModel, x: Tensor) -> Tensor:
    """Reference image for integrated gradients: black, or one of the perturbations at its usual strength.

    Where it is the image itself but for rounding it is exactly the image: an even area, blurred, would else have
    attributions of 1e-9, and a map scaled to its largest value would show them as if they meant something.
    """
    if name == "black":
        return torch.zeros_like(x)
    reference = perturbation(name, model, x, blur_sigma=10.0, seed=0)
    return torch.where((reference - x).abs() < _ROUNDING, x, reference)


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Blur (N, C, H, W) by a Gaussian of `sigma` pixels, edges repeated; kernels reach 3 sigma."""
    if sigma <= 0:
        return x.clone()
    kernel = gaussian_kernel(sigma).to(x)
    radius, channels = len(kernel) // 2, x.shape[1]
    down = kernel.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
    x = F.conv2d(F.pad(x, (0, 0, radius, radius), mode="replicate"), down, groups=channels)
    return F.conv2d(F.pad(x, (radius, radius, 0, 0), mode="replicate"), down.transpose(2, 3), groups=channels)


def gaussian_kernel(sigma: float) -> Tensor:
    """Weights of a Gaussian at whole pixels from -3 sigma to 3 sigma, summing to 1; (2 r + 1,) float32."""
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()
