"""Augmentation as a finite set of variants of each X-ray.

Residuals of a flipped X-ray are not the flipped residuals (the autoencoders' kernels are not symmetric), so an
augmented X-ray has to pass through the TFEN again. With a finite number of variants per image, each residual is
computed once for the whole training instead of once per epoch. A variant depends on the recipe's seed, the image
and the variant's number alone: not on the epoch, the batch, the process or what was drawn before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model_src.classes import COVID
from train.data.alterations import as_from_another_hospital
from train.data.draws import Draws

# Augmentation -> how many variants an image can have.
MOST_VARIANTS = {"none": 1, "left_right": 2, "left_right_third": 2, "flips": 4, "affine": 1000, "hospitals": 1000}

# Ranges of "affine": small changes of pose, distance and exposure, as between two radiographers.
ROTATION_DEGREES = 10.0
SHIFT = 0.06  # of the image's side
SCALE = 0.12
GAMMA = 0.25
CONTRAST = 0.15


# What draws are for: no two purposes share a stream.
_WHICH_VARIANT, _ANOTHER_HOSPITAL, _WHOSE_LOOK = 7, 17, 18


class Films(Protocol):
    """Training images by number, such as an `ImageCache` or, on a GPU, `ResidentFilms`."""

    def __len__(self) -> int: ...

    def tensor(self, indices: np.ndarray) -> Tensor:
        """Images (n, 1, S, S), float32 in [0, 1]."""


def choose_variants(
    augmentation: str, variants: int, labels: np.ndarray, indices: np.ndarray, epoch: int, seed: int
) -> np.ndarray:
    """Which variant (0 is the image as it is) each of `indices` is shown as in `epoch`; int64 (n,).

    `labels` are those of all images, by number.
    """
    films = torch.from_numpy(np.asarray(indices, dtype=np.int64))
    draws = Draws(films, torch.full_like(films, epoch), seed, _WHICH_VARIANT)
    if augmentation == "left_right_third":
        third = draws.chance(1 / 3).numpy()
        return ((np.asarray(labels)[indices] != COVID) & third).astype(np.int64)
    return draws.whole(0, variants).numpy()


def apply_variants(
    films: Films,
    augmentation: str,
    indices: np.ndarray,
    chosen: np.ndarray,
    seed: int,
    by_source: Sequence[np.ndarray] | None = None,
) -> Tensor:
    """The chosen variant of each of the films `indices`: (n, 1, S, S), float32 in [0, 1].

    `by_source` are the films of each source, by number; None: all films are of one.
    """
    images = films.tensor(indices)
    if augmentation == "none" or not chosen.any():
        return images
    if augmentation == "hospitals":
        return _from_other_hospitals(images, films, indices, chosen, seed, by_source or [np.arange(len(films))])
    if augmentation == "affine":
        return _affine(images, indices, chosen, seed)
    flipped = images.clone()
    mirrored, turned = (torch.from_numpy(own).to(images.device) for own in (chosen % 2 == 1, chosen >= 2))
    flipped[mirrored] = flipped[mirrored].flip(3)
    flipped[turned] = flipped[turned].flip(2)
    return flipped


def choose_partners(
    indices: np.ndarray, chosen: np.ndarray, images: int, mixup: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which image is mixed into each variant (Zhang et al. 2018), and its share.

    Args:
        indices: (n,) images, each in its variant of `chosen` (n,). Variant 0 is never mixed.
        images: how many there are to choose from.
        mixup: share of the variants that are mixed, in [0, 1].
        seed: together with image and variant, decides.

    Returns:
        (partners int64, shares float32 in [0, 0.5]), both (n,); where nothing is mixed, the image itself and 0.
    """
    partners, shares = indices.astype(np.int64), np.zeros(len(indices), dtype=np.float32)
    for row in np.flatnonzero(chosen) if mixup else ():
        draw = np.random.default_rng((seed, int(indices[row]), int(chosen[row]), 13))
        if draw.random() < mixup:
            partners[row], shares[row] = draw.integers(images), draw.uniform(0, 0.5)
    return partners, shares


def _affine(images: Tensor, indices: np.ndarray, chosen: np.ndarray, seed: int) -> Tensor:
    """Mirror, turn, shift, scale and re-expose; variant 0 stays as it is."""
    theta = torch.zeros(len(images), 2, 3)
    exposure = torch.ones(2, len(images), 1, 1, 1)
    for row, (index, variant) in enumerate(zip(indices, chosen, strict=True)):
        theta[row, 0, 0] = theta[row, 1, 1] = 1
        if variant == 0:
            continue
        draw = np.random.default_rng((seed, int(index), int(variant)))
        angle = math.radians(draw.uniform(-ROTATION_DEGREES, ROTATION_DEGREES))
        scale = math.exp(draw.uniform(-SCALE, SCALE))
        mirror = -1.0 if draw.random() < 0.5 else 1.0
        cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
        theta[row] = torch.tensor(
            [
                [cosine * mirror, -sine, 2 * draw.uniform(-SHIFT, SHIFT)],
                [sine * mirror, cosine, 2 * draw.uniform(-SHIFT, SHIFT)],
            ]
        )
        exposure[0, row] = math.exp(draw.uniform(-GAMMA, GAMMA))
        exposure[1, row] = 1 + draw.uniform(-CONTRAST, CONTRAST)
    theta, exposure = theta.to(images.device), exposure.to(images.device)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    # Black wedges instead of the film's own edge would be steps that no autoencoder reconstructs.
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    gamma, contrast = exposure
    altered = ((moved.clamp(0, 1) ** gamma - 0.5) * contrast + 0.5).clamp(0, 1)
    return torch.where(torch.from_numpy(chosen == 0).to(images.device)[:, None, None, None], images, altered)


def _from_other_hospitals(
    images: Tensor,
    films: Films,
    indices: np.ndarray,
    chosen: np.ndarray,
    seed: int,
    by_source: Sequence[np.ndarray],
) -> Tensor:
    """See train/data/alterations.py; variant 0 stays as it is. What a film takes over comes from any source alike."""
    rows = torch.from_numpy(np.flatnonzero(chosen)).to(images.device)
    numbers, variants = (torch.from_numpy(np.asarray(part)).to(images.device)[rows] for part in (indices, chosen))
    whose = Draws(numbers, variants, seed, _WHOSE_LOOK)
    source, place = whose.whole(0, len(by_source)).cpu().numpy(), whose.uniform().cpu().numpy()
    others = np.array([by_source[k][int(at * len(by_source[k]))] for k, at in zip(source, place, strict=True)])
    draws = Draws(numbers, variants, seed, _ANOTHER_HOSPITAL)
    altered = as_from_another_hospital(images[rows], draws, films.tensor(others))
    return images.index_copy(0, rows, altered)
