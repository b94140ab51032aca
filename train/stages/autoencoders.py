"""Stage 1: two autoencoders, each on the images of its own class (equations 2-4, section 3.2), or another run's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from model_src.classes import HEALTHY, PNEUMONIA
from model_src.networks.fpae import FPAE
from train.data.augmentation import MOST_VARIANTS, Films, apply_variants, choose_variants
from train.data.resident_films import ResidentFilms
from train.device import Compute
from train.rank import synchronise_batch_norm
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_into
from train.session import TrainingOptions, TrainingSession
from train.stages.graphed_loss import GraphedLoss
from train.stages.stage import Stage, micro_batch, run_stage


class FpaeLoss(nn.Module):
    """Reconstruction error plus lambda times the distance of the latents of image and reconstruction.

    The second encoding computes the 1/8 branch alone, the only one that the loss reads; with the whole network
    run again, as a plain reading of equation (4) has it, a step takes half as long again.
    """

    def __init__(self, network: nn.Module, latent_weight: float, compute: Compute) -> None:
        super().__init__()
        self.network = network
        self.latent_weight = latent_weight
        self._compute = compute

    def forward(self, x: Tensor) -> Tensor:
        """Sum over the images (N, 1, H, W) of each one's loss; a scalar."""
        error, distance = self.parts(x)
        return error + self.latent_weight * distance

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction error and distance of the latents, summed over the images; 0 for a distance without weight."""
        with self._compute.autocast():
            reconstruction, latent = self.network(x)
            error = _squared_error(reconstruction, x)
            if not self.latent_weight:
                return error, torch.zeros_like(error)
            again = self.network.latent(reconstruction)  # type: ignore[operator]
            return error, _squared_error(again, latent)


def check_autoencoders(options: TrainingOptions) -> None:
    """Raise RunError if the run whose autoencoders are to be taken does not have them."""
    if options.tfen_run:
        other = RunFolder(options.tfen_run)
        other.record()
        for name in AUTOENCODERS:
            load_into(FPAE(), other.load_weights(f"fpae_{name}"), other.weights_path(f"fpae_{name}"))


def train_autoencoders(session: TrainingSession) -> None:
    """Train the autoencoders that the run does not have yet, or copy them from the run that the options name."""
    run, other = session.run, session.options.tfen_run
    finished = [name for name in AUTOENCODERS if run.weights_path(f"fpae_{name}").exists()]
    session.rank.wait()  # until all have looked, before the first process writes
    for name, label in zip(AUTOENCODERS, (HEALTHY, PNEUMONIA), strict=True):
        if name in finished:
            continue
        if other:
            _copy(f"fpae_{name}", RunFolder(other), session)
        else:
            _train(name, label, session)


def _copy(stage: str, other: RunFolder, session: TrainingSession) -> None:
    """Take a stage of another run, with its metrics, as this run's own."""
    if session.rank.is_first:
        session.run.save_weights(stage, other.load_weights(stage), other.read_metrics().get(stage, {}))
    session.rank.wait()


def _train(name: str, label: int, session: TrainingSession) -> None:
    """Train the autoencoder `name` ("healthy", "pneumonia") on the images of class `label`; resumes by itself.

    Selected by the validation images of the same class: least reconstruction error, of which residuals are made. The
    whole loss would select networks that have learnt nothing yet: their latents are all small, and so near each other.
    Weights go to `fpae_<name>.pt`.
    """
    settings, seed, compute = session.recipe.fpae, session.seed, session.compute
    own = np.flatnonzero([example.label == label for example in session.train.examples])
    held_out = np.flatnonzero([example.label == label for example in session.validation.examples])
    labels = np.array([example.label for example in session.train.examples])
    at_once = micro_batch(settings.crop or session.recipe.image_size)
    torch.manual_seed(seed + label)
    network = compute.prepare(synchronise_batch_norm(FPAE(), session.rank))
    loss = FpaeLoss(network, settings.latent_weight, compute)
    step: Callable[[Tensor], Tensor] = session.rank.wrap(loss)
    films: Films = session.train
    if compute.device.type == "cuda" and session.rank.count == 1:
        films = ResidentFilms(session.train, compute.device)
        step = GraphedLoss(
            loss, min(settings.batch_size or len(own), at_once), settings.crop or session.recipe.image_size
        )
    variants = MOST_VARIANTS[settings.augmentation]

    def losses(batch: np.ndarray, epoch: int) -> Tensor:
        indices = own[batch]
        chosen = choose_variants(settings.augmentation, variants, labels, indices, epoch, seed)
        images = apply_variants(films, settings.augmentation, indices, chosen, seed)
        if settings.crop:
            images = _random_crops(images, settings.crop, indices, epoch, seed)
        return step(compute.send(images))

    def validate(network: nn.Module) -> dict[str, float]:
        errors, distances = 0.0, 0.0
        with torch.inference_mode():
            for start in range(0, len(held_out), at_once):
                images = session.validation.tensor(held_out[start : start + at_once])
                error, distance = loss.parts(compute.send(images))
                errors, distances = errors + float(error), distances + float(distance)
        mean = errors / len(held_out)
        return {"score": -mean, "loss": mean + settings.latent_weight * distances / len(held_out)}

    norm: Callable[[np.ndarray, int], float] = lambda batch, epoch: float(len(batch))  # noqa: E731
    run_stage(Stage(f"fpae_{name}", settings, network, len(own), at_once, losses, norm, validate), session)


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
