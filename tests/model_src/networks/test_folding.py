"""Batch norm inside the convolution before it."""

from __future__ import annotations

import torch
from torch import nn

from model_src.networks.efficient_cin import EfficientCIN
from model_src.networks.folding import fold_batch_norm


def test_the_network_says_the_same_without_its_batch_norm():
    torch.manual_seed(0)
    network = EfficientCIN()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.running_mean, 0, 0.1)
    network.eval().requires_grad_(False)
    shown = torch.rand(2, 3, 64, 64)
    wanted = network(shown)
    first = network.stem[0]
    before = first.weight.clone()
    fold_batch_norm(network)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    torch.testing.assert_close(network(shown), wanted, atol=1e-4, rtol=1e-4)
    assert torch.equal(first.weight, before)  # another network may share it


def test_what_has_no_convolution_before_it_stays():
    layers = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1), nn.ReLU(), nn.BatchNorm2d(1)).eval()
    fold_batch_norm(layers)
    assert [type(layer).__name__ for layer in layers] == ["BatchNorm2d", "Conv2d", "ReLU", "BatchNorm2d"]
