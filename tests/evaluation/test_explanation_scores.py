"""Pointing game, overlap and the sanity check on maps whose score is plain to see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.explanation_scores import intersection_over_union, pointing_hit, randomise, rank_correlation


@pytest.fixture
def lesion():
    """A lesion in the upper left quarter of a 40 x 40 image."""
    mask = np.zeros((40, 40), dtype=bool)
    mask[:20, :20] = True
    return mask


def test_pointing_at_the_lesion_hits_and_elsewhere_misses(lesion):
    heatmap = np.zeros((4, 4), dtype=np.float32)
    heatmap[3, 3] = 0.5
    assert not pointing_hit(heatmap, lesion)
    heatmap[0, 1] = 1
    assert pointing_hit(heatmap, lesion)


def test_an_empty_map_scores_nothing(lesion):
    empty = np.zeros((4, 4), dtype=np.float32)
    assert not pointing_hit(empty, lesion)
    assert intersection_over_union(empty, lesion) == 0


def test_overlap_is_one_for_the_lesion_itself_and_zero_for_its_opposite(lesion):
    exact = lesion.astype(np.float32)
    assert intersection_over_union(exact, lesion) == 1
    assert intersection_over_union(exact[::-1, ::-1].copy(), lesion) == 0


def test_half_overlap_is_a_third(lesion):
    shifted = np.roll(lesion, 10, axis=1).astype(np.float32)  # half of it lies on the lesion
    assert intersection_over_union(shifted, lesion) == pytest.approx(1 / 3)


def test_rank_correlation_sees_order_and_not_scale():
    ramp = np.linspace(0, 1, 784, dtype=np.float32).reshape(28, 28)
    assert rank_correlation(ramp, ramp**3) == pytest.approx(1)
    assert rank_correlation(ramp, 1 - ramp) == pytest.approx(-1)
    assert rank_correlation(ramp, np.ones((28, 28), dtype=np.float32)) == 0


def test_randomising_changes_every_weight_and_is_repeatable():
    networks = [nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()) for _ in range(2)]
    before = networks[0].get_parameter("0.weight").detach().clone()
    for network in networks:
        randomise(network, seed=3)
    first, second = (network.get_parameter("0.weight") for network in networks)
    assert not torch.equal(first, before)
    assert torch.equal(first, second)
    assert torch.equal(networks[0].get_parameter("1.weight"), torch.ones(4))
    assert not networks[0].get_parameter("0.bias").any()
