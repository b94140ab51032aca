"""A few plain gradient steps in float64 on fixed data, alone or under torchrun; writes the weights to argv[1]."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from train.device import Compute
from train.rank import Rank, joined_ranks, synchronise_batch_norm
from train.recipe import load_recipe
from train.stages.autoencoders import FpaeLoss
from train.stages.classifier import ClassifierLoss
from train.stages.stage import Stage, training_step

# Uneven shares; more than a micro-batch; a micro-batch of one image, which leaves the other process without any.
BATCHES = [np.arange(5), np.array([6, 2, 7]), np.array([3]), np.arange(20), np.arange(3, 20)]
IMAGES = 20


def weights_after(network: nn.Module, inputs: tuple[torch.Tensor, ...], rank: Rank) -> dict[str, torch.Tensor]:
    """Take the steps with `network` inside its loss."""
    synchronise_batch_norm(network, rank).double()
    weights = torch.tensor([1.0, 2.0, 5.0]).double()
    float32 = Compute(torch.device("cpu"), bfloat16=False)
    loss = FpaeLoss(network, 0.5, float32) if len(inputs) == 1 else ClassifierLoss(network, weights, float32)
    wrapped = rank.wrap(loss)
    stage = Stage(
        name="steps",
        recipe=load_recipe("quick").fpae,
        network=network.train(),
        images=IMAGES,
        micro_batch=16,
        losses=lambda share, epoch: wrapped(*(part[share] for part in inputs)),
        norm=lambda batch, epoch: float(len(batch)),
        validate=lambda network: {},
    )
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for batch in BATCHES:
        training_step(stage, optimiser, rank, batch, epoch=0)
    return network.state_dict()


def main() -> None:
    torch.manual_seed(0)
    images, residuals = torch.rand(IMAGES, 1, 16, 16).double(), torch.rand(IMAGES, 3, 64, 64).double()
    targets = torch.rand(IMAGES, 3).softmax(1).double()
    fpae, cin = FPAE(), CIN()
    with joined_ranks(torch.device("cpu")) as rank:
        weights = {
            "fpae": weights_after(fpae, (images,), rank),
            "cin": weights_after(cin, (residuals, targets), rank),
        }
        if rank.is_first:
            torch.save(weights, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
