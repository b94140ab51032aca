"""A loss captured as CUDA graphs is the loss; batches of another size take the plain way."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from model_src.networks.fpae import FPAE
from train.device import Compute
from train.stages import graphed_loss
from train.stages.autoencoders import FpaeLoss
from train.stages.classifier import ClassifierLoss
from train.stages.graphed_loss import GraphedLoss


class Small(nn.Module):
    """A network with the layers that a graph could spoil: batch norm, whose moments move."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def classifier_loss(device: str) -> ClassifierLoss:
    torch.manual_seed(0)
    compute = Compute(torch.device(device), bfloat16=False)
    return ClassifierLoss(compute.prepare(Small()), torch.tensor([1.0, 2.0, 3.0], device=device), compute)


def batch(films: int, side: int, device: str) -> tuple[Tensor, Tensor]:
    inputs, targets = torch.rand(films, 3, side, side), torch.rand(films, 3).softmax(1)
    return inputs.to(device, memory_format=torch.channels_last), targets.to(device)


def test_a_batch_of_another_size_is_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphed_loss, "_captured", lambda *_: pytest.fail("captured"))
    loss = classifier_loss("cpu")
    step = GraphedLoss(loss, batch_size=8, image_size=16)
    for films, side in ((7, 16), (8, 24)):
        shown = batch(films, side, "cpu")
        assert torch.equal(step(*shown), loss(*shown))


def test_the_usual_batch_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = []

    def capture(loss: nn.Module, *shown: Tensor) -> nn.Module:
        captured.append([tuple(part.shape) for part in shown])
        return loss

    monkeypatch.setattr(graphed_loss, "_captured", capture)
    loss = classifier_loss("cpu")
    step = GraphedLoss(loss, batch_size=8, image_size=16)
    for _ in range(3):
        shown = batch(8, 16, "cpu")
        assert torch.equal(step(*shown), loss(*shown))
    assert captured == [[(8, 3, 16, 16), (8, 3)]]


def test_an_autoencoders_loss_takes_inputs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphed_loss, "_captured", lambda loss, inputs: loss)
    loss = FpaeLoss(FPAE().eval(), 0.5, Compute(torch.device("cpu"), bfloat16=False))
    step = GraphedLoss(loss, batch_size=2, image_size=16)
    for films in (2, 1):
        shown = torch.rand(films, 1, 16, 16)
        assert torch.equal(step(shown), loss(shown))


@pytest.mark.gpu
def test_captured_training_is_plain_training() -> None:
    plain = classifier_loss("cuda")
    graphed = copy.deepcopy(plain)
    step = GraphedLoss(graphed, batch_size=8, image_size=16)
    optimisers = [torch.optim.SGD(loss.parameters(), 0.1) for loss in (plain, graphed)]
    for films in (8, 8, 5, 8):  # a smaller batch between, as at the end of an epoch
        shown = batch(films, 16, "cuda")
        losses = []
        for loss, optimiser in zip((plain, step), optimisers, strict=True):
            optimiser.zero_grad(set_to_none=True)
            losses.append(loss(*shown))
            losses[-1].backward()
            optimiser.step()
        assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-4)
    for (name, value), other in zip(plain.state_dict().items(), graphed.state_dict().values(), strict=True):
        assert torch.allclose(value.float(), other.float(), rtol=1e-3, atol=1e-5), name
