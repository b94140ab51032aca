"""Deletion and insertion areas against curves that can be drawn by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explanations.faithfulness import deletion_insertion, ranks
from explanations.target_model import TargetModel
from model_src.networks.coronet import CoroNet

SIZE = 16


class _Gray(nn.Module):
    def forward(self, x):
        return x.expand(-1, 3, -1, -1)


class _CountsBright(nn.Module):
    """p(class 2) is the part of the upper half's pixels that are brighter than 0.9."""

    def forward(self, r):
        p = (r[:, 0, : SIZE // 2] > 0.9).float().mean(dim=(1, 2)).clamp(1e-6, 1 - 1e-6)
        return torch.stack([torch.log((1 - p) / 2), torch.log((1 - p) / 2), torch.log(p)], dim=1)


@pytest.fixture
def model():
    return TargetModel(CoroNet(_Gray(), _CountsBright()), [2], torch.device("cpu"))


@pytest.fixture
def image():
    """Upper half white, lower half black. Blurred or gray, no pixel of it is brighter than 0.9 ... see below."""
    x = torch.zeros(1, 1, SIZE, SIZE)
    x[:, :, : SIZE // 2] = 1
    return x


def test_the_right_map_deletes_at_once_and_inserts_at_once(model, image):
    heatmap = torch.zeros(1, 2, 2)
    heatmap[:, 0] = 1  # the upper half first
    deletion, insertion = deletion_insertion(model, image, heatmap, steps=8)
    # Deletion: p falls 1, 3/4, 1/2, 1/4, 0, 0, ... over 8 steps; the area is a quarter.
    assert float(deletion) == pytest.approx(0.25, abs=0.01)
    # Insertion starts with the part of the upper half that blurring (0.7 pixels) leaves above 0.9: 6 or 7
    # of 8 rows.
    assert float(insertion) > 0.9


def test_the_wrong_map_deletes_last(model, image):
    heatmap = torch.zeros(1, 2, 2)
    heatmap[:, 1] = 1  # the lower half first, which does not matter
    deletion, _ = deletion_insertion(model, image, heatmap, steps=8)
    # p stays 1 for half of the steps, then falls by quarters: 0.5 + 0.25.
    assert float(deletion) == pytest.approx(0.75, abs=0.01)


def test_ranks_follow_the_map_and_flat_parts_follow_their_surroundings():
    heatmap = torch.zeros(1, 8, 8)
    heatmap[0, 1, 1] = 1
    place = ranks(heatmap, 8)[0, 0]
    assert place[1, 1] == 0
    assert sorted(place.flatten().tolist()) == [i / 64 for i in range(64)]
    assert place[3, 3] < place[7, 7]  # both zero in the map, one nearer to what matters


def test_several_images_are_scored_as_each_alone(model, image):
    maps = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = torch.cat([image, image.flip(2), image.transpose(2, 3)])
    together = deletion_insertion(model.only([0, 0, 0]), images, maps, steps=5)
    for i in range(3):
        alone = deletion_insertion(model, images[i : i + 1], maps[i : i + 1], steps=5)
        assert float(together[0][i]) == pytest.approx(float(alone[0]), abs=1e-6)
        assert float(together[1][i]) == pytest.approx(float(alone[1]), abs=1e-6)
