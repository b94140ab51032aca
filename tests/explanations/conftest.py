"""A network whose right explanation a person can work out: it looks at one patch of the X-ray and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from model_src.networks.coronet import CoroNet

SIZE, CELL = 56, 8  # images of 56 x 56 pixels in 7 x 7 cells
PATCH = (2, 3)  # row and column of the cell that is looked at
SLOPE, THRESHOLD = 20.0, 0.5


class _GrayTFEN(nn.Module):
    """Hands the X-ray on as three equal channels; its healthy autoencoder draws everything at gray 0.3."""

    def forward(self, x: Tensor) -> Tensor:
        return x.expand(-1, 3, -1, -1)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.full_like(x, 0.3), torch.full_like(x, 0.4)


class _PatchCIN(nn.Module):
    """COVID-19's logit is SLOPE x (mean gray of the patch - THRESHOLD); the other two logits are 0."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(SLOPE))

    def features(self, r: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(r[:, :1], CELL)  # (N, 1, 7, 7)

    def classify(self, f: Tensor) -> Tensor:
        covid = self.slope * (f[:, 0, PATCH[0], PATCH[1]] - THRESHOLD)
        return torch.stack([torch.zeros_like(covid), torch.zeros_like(covid), covid], dim=1)

    def forward(self, r: Tensor) -> Tensor:
        return self.classify(self.features(r))


@dataclass(frozen=True)
class PatchCase:
    """A network, images that it calls COVID-19, and the map that is right."""

    network: CoroNet
    x: Tensor  # (2, 1, 56, 56): faint texture, gray 0.9 in the patch (0.8 in the second image)
    inside: Tensor  # bool (7, 7): the patch's cell


@pytest.fixture
def patch_case() -> PatchCase:
    """See PatchCase; a fresh network for each test."""
    generator = torch.Generator().manual_seed(1)
    x = 0.2 + 0.05 * torch.rand(2, 1, SIZE, SIZE, generator=generator)
    top, left = PATCH[0] * CELL, PATCH[1] * CELL
    x[0, :, top : top + CELL, left : left + CELL] = 0.9
    x[1, :, top : top + CELL, left : left + CELL] = 0.8
    inside = torch.zeros(7, 7, dtype=torch.bool)
    inside[PATCH] = True
    return PatchCase(CoroNet(_GrayTFEN(), _PatchCIN()).eval(), x, inside)
