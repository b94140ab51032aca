"""The yardstick: meaningful perturbation as the 2017 paper describes it, without any shortcut.

Fong & Vedaldi, "Interpretable explanations of black boxes by meaningful perturbation", ICCV 2017, sections
4.1 to 4.3: a 28 x 28 mask drawn at the image's size with a Gaussian (sigma 5), blur perturbation (sigma
10), 300 steps of Adam at 0.1, l1 1e-4 and total variation 1e-2 as sums over the mask with beta 3, the image
shifted by up to 4 pixels in each step, the target's softmax probability as the score, and the smallest
centred disc that achieves 99% of the full blur's effect as the start. One image at a time, float32, with
the network as it is served. It shares no code with the kit's method.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS = 300
GRID = 28
LEARNING_RATE, L1, TV, BETA, JITTER = 0.1, 1e-4, 1e-2, 3.0, 4
MASK_SIGMA, BLUR_SIGMA = 5.0, 10.0


def reference_mask(network: nn.Module, image: Tensor, target: int, steps: int = STEPS, seed: int = 0) -> Tensor:
    """The deletion mask (28, 28) in [0, 1] of one image (1, 1, S, S) in [0, 1]; 0 = removed.

    `network` maps images to logits. The map to show is 1 - mask.
    """
    generator = torch.Generator().manual_seed(seed)
    blurred = _blur(image, BLUR_SIGMA)
    mask = _disc_start(network, image, blurred, target).requires_grad_(True)
    optimiser = torch.optim.Adam([mask], lr=LEARNING_RATE)
    for _ in range(steps):
        shift = torch.randint(-JITTER, JITTER + 1, (2,), generator=generator).tolist()
        moved, moved_blur = _move(image, shift), _move(blurred, shift)
        drawn = _draw(mask, image.shape[-1])
        p = network(drawn * moved + (1 - drawn) * moved_blur).softmax(dim=1)[0, target]
        loss = L1 * (1 - mask).abs().sum() + TV * _total_variation(mask) + p
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            mask.clamp_(0, 1)
    return mask.detach()


@torch.no_grad()
def _disc_start(network: nn.Module, image: Tensor, blurred: Tensor, target: int) -> Tensor:
    """The smallest centred disc whose blurring lowers the score by 99% of what blurring everything does."""

    def score(mask: Tensor) -> float:
        drawn = _draw(mask, image.shape[-1])
        return float(network(drawn * image + (1 - drawn) * blurred).softmax(dim=1)[0, target])

    offset = torch.arange(GRID) - (GRID - 1) / 2
    distance = (offset[:, None] ** 2 + offset[None, :] ** 2).sqrt().to(image.device)
    untouched, whole = score(torch.ones_like(distance)), score(torch.zeros_like(distance))
    for radius in range(1, math.ceil(GRID / math.sqrt(2)) + 1):
        mask = (distance > radius).float()
        if untouched - score(mask) >= 0.99 * (untouched - whole):
            return mask
    return torch.zeros_like(distance)


def _draw(mask: Tensor, size: int) -> Tensor:
    """(28, 28) -> (1, 1, size, size): bilinear, then a Gaussian."""
    large = F.interpolate(mask[None, None], size=(size, size), mode="bilinear", align_corners=False)
    return _blur(large, MASK_SIGMA)


def _blur(image: Tensor, sigma: float) -> Tensor:
    radius = math.ceil(3 * sigma)
    offset = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-(offset**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = F.pad(image, (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def _move(image: Tensor, shift: list[int]) -> Tensor:
    """The image moved by whole pixels (down, right), edges repeated."""
    padded = F.pad(image, (JITTER, JITTER, JITTER, JITTER), mode="replicate")
    top, left = JITTER - shift[0], JITTER - shift[1]
    return padded[:, :, top : top + image.shape[2], left : left + image.shape[3]]


def _total_variation(mask: Tensor) -> Tensor:
    down = (mask[1:] - mask[:-1]).abs().pow(BETA).sum()
    across = (mask[:, 1:] - mask[:, :-1]).abs().pow(BETA).sum()
    return down + across
