"""The autoencoders' loss by its parts, and which epoch's weights are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from model_src.networks.fpae import FPAE
from tests.train.short_runs import train
from train.device import Compute
from train.recipe import Recipe
from train.stages.autoencoders import FpaeLoss

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def test_the_loss_is_the_error_and_lambda_times_the_distance_of_the_latents() -> None:
    torch.manual_seed(0)
    network, x = FPAE().eval(), torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        reconstruction, latent = network(x)
        error = (reconstruction - x).square().flatten(1).mean(1).sum()
        distance = (network.latent(reconstruction) - latent).square().flatten(1).mean(1).sum()
        for weight in (0.0, 0.5):
            assert FpaeLoss(network, weight, FLOAT32)(x) == pytest.approx(float(error + weight * distance), rel=1e-5)
        assert FpaeLoss(network, 0.0, FLOAT32).parts(x)[1] == 0


def test_the_epoch_with_the_least_reconstruction_error_is_kept(
    stripes: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first epoch has the least loss: its latents are near each other because the network has learnt nothing."""
    parts = FpaeLoss.parts
    validated = iter([(3.0, 0.0), (1.0, 9.0), (2.0, 5.0)] * 2)  # error and distance after each epoch

    def scripted(self: FpaeLoss, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.network.training:
            return parts(self, x)
        error, distance = next(validated)
        return torch.tensor(error * len(x)), torch.tensor(distance * len(x))

    monkeypatch.setattr(FpaeLoss, "parts", scripted)
    run = train(recipe.changed(fpae_epochs=3, fpae_latent_weight=1.0), stripes, tmp_path / "run")
    for stage in ("fpae_healthy", "fpae_pneumonia"):
        assert run.read_metrics()[stage] == {"score": -1.0, "loss": 10.0, "epoch": 2}
