"""Stage 1: an autoencoder on the images of its own class (equations 2-4, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from model_src.networks.fpae import FPAE
from train.data.augmentation import MOST_VARIANTS, apply_variants, choose_variants
from train.data.image_cache import ImageCache
from train.device import Compute
from train.distributed import Workers, synchronise_batch_norm
from train.recipe import Recipe
from train.runs.run_folder import RunFolder
from train.stages.stage import MICRO_BATCH, Stage, run_stage


class FpaeLoss(nn.Module):
    """Reconstruction error plus lambda times the distance of the latents of image and reconstruction.

    The second encoding computes the 1/8 branch alone, the only one that the loss reads; with the whole network
    run again, as a plain reading of equation (4) has it, a step takes half as long again.
    """

    def __init__(self, network: nn.Module, latent_weight: float) -> None:
        super().__init__()
        self.network = network
        self.latent_weight = latent_weight

    def forward(self, x: Tensor) -> Tensor:
        """Sum over the images (N, 1, H, W) of each one's loss; a scalar."""
        reconstruction, latent = self.network(x)
        loss = _squared_error(reconstruction, x)
        if self.latent_weight:
            again = self.network.latent(reconstruction)  # type: ignore[operator]
            loss = loss + self.latent_weight * _squared_error(again, latent)
        return loss


def train_fpae(
    name: str,
    label: int,
    recipe: Recipe,
    train: ImageCache,
    validation: ImageCache,
    run: RunFolder,
    *,
    compute: Compute,
    place: Workers,
    seed: int,
    console: Console,
) -> None:
    """Train the autoencoder `name` ("healthy", "pneumonia") on the images of class `label`; resumes by itself.

    Selected by the validation images of the same class: least loss. Weights go to `fpae_<name>.pt`.
    """
    settings = recipe.fpae
    own = np.flatnonzero([example.label == label for example in train.examples])
    held_out = np.flatnonzero([example.label == label for example in validation.examples])
    labels = [example.label for example in train.examples]
    torch.manual_seed(seed + label)
    network = compute.prepare(synchronise_batch_norm(FPAE(), place))
    loss = FpaeLoss(network, settings.latent_weight)
    wrapped = place.wrap(loss)
    variants = MOST_VARIANTS[settings.augmentation]

    def losses(batch: np.ndarray, epoch: int) -> Tensor:
        indices = own[batch]
        images = train.tensor(indices)
        if settings.augmentation != "none":
            chosen = choose_variants(settings.augmentation, variants, labels, indices, epoch, seed)
            images = apply_variants(images, settings.augmentation, indices, chosen, seed)
        if settings.crop:
            images = _random_crops(images, settings.crop, indices, epoch, seed)
        with compute.autocast():
            return wrapped(compute.send(images))

    def validate(network: nn.Module) -> dict[str, float]:
        total = 0.0
        with torch.inference_mode(), compute.autocast():
            for start in range(0, len(held_out), MICRO_BATCH):
                total += float(loss(compute.send(validation.tensor(held_out[start : start + MICRO_BATCH]))))
        mean = total / len(held_out)
        return {"score": -mean, "loss": mean}

    norm: Callable[[np.ndarray, int], float] = lambda batch, epoch: float(len(batch))  # noqa: E731
    stage = Stage(f"fpae_{name}", settings, network, len(own), losses, norm, validate)
    run_stage(stage, run, place, seed, console=console)


def _squared_error(a: Tensor, b: Tensor) -> Tensor:
    """Sum over images of the mean squared difference within an image."""
    return (a.float() - b.float()).square().flatten(1).mean(1).sum()


def _random_crops(images: Tensor, size: int, indices: np.ndarray, epoch: int, seed: int) -> Tensor:
    """A square of `size` pixels from each image, placed by seed, epoch and image."""
    room = images.shape[2] - size + 1
    crops = images.new_empty(len(images), 1, size, size)
    for row, index in enumerate(indices):
        top, left = np.random.default_rng((seed, epoch, int(index), 11)).integers(room, size=2)
        crops[row] = images[row, :, top : top + size, left : left + size]
    return crops
