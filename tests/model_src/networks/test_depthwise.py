"""Gradients of depthwise convolutions against those of float32."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from model_src.networks.depthwise import quick_depthwise

_BFLOAT16 = 2.0**-8  # one part in so many is what its numbers keep


def depthwise(kernel: int, stride: int) -> nn.Conv2d:
    """Six maps, each by itself."""
    torch.manual_seed(0)
    return nn.Conv2d(6, 6, kernel, stride, (kernel - 1) // 2, groups=6, bias=False).train()


def gradients(layer: nn.Conv2d, bfloat16: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What the layer answers to one batch, and the gradients of its inputs and weights."""
    torch.manual_seed(1)
    x = torch.randn(4, 6, 12, 12).to(memory_format=torch.channels_last).requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    assert x.grad is not None
    assert layer.weight.grad is not None
    return y.detach(), x.grad, layer.weight.grad


@pytest.mark.parametrize(("kernel", "stride"), [(5, 1), (5, 2), (4, 2), (3, 2)])
def test_gradients_are_those_of_float32(kernel, stride):
    layer = depthwise(kernel, stride)
    wanted = gradients(layer, bfloat16=False)
    quick_depthwise(layer)
    found = gradients(layer, bfloat16=True)
    assert found[0].dtype == torch.bfloat16
    for of_found, of_wanted in zip(found, wanted, strict=True):
        assert of_found.shape == of_wanted.shape
        assert float((of_found.float() - of_wanted).abs().max() / of_wanted.abs().max()) < 4 * _BFLOAT16


@pytest.mark.parametrize("mode", ["without gradients", "float32"])
def test_elsewhere_the_layer_computes_as_ever(mode):
    layer = depthwise(5, 1)
    plain = deepcopy(layer)
    quick_depthwise(layer)
    x, narrow = torch.randn(1, 6, 8, 8), mode == "without gradients"
    with torch.set_grad_enabled(not narrow), torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        assert torch.equal(layer(x), plain(x))


def test_a_frozen_layer_hands_gradients_to_what_it_is_shown():
    """As an explanation wants them."""
    layer = depthwise(5, 2).requires_grad_(False)
    quick_depthwise(layer)
    x = torch.randn(1, 6, 8, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x).float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
    assert x.grad.any()


def test_a_bias_is_added():
    layer = nn.Conv2d(6, 6, 5, 2, 2, groups=6)
    wanted = layer(torch.ones(1, 6, 8, 8))
    quick_depthwise(layer)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(torch.ones(1, 6, 8, 8))
    torch.testing.assert_close(found.float(), wanted, atol=0.02, rtol=0.02)


def test_a_copy_has_its_own_weights():
    """The average over steps is a copy of the network."""
    layer = depthwise(5, 1)
    quick_depthwise(layer)
    copy = deepcopy(layer)
    nn.init.zeros_(copy.weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not copy(torch.ones(1, 6, 8, 8)).any()
        assert layer(torch.ones(1, 6, 8, 8)).any()


def test_layers_that_are_quick_already_are_left_alone():
    layers = nn.Sequential(depthwise(3, 1), nn.Conv2d(6, 6, 5), nn.Conv2d(1, 1, 5))
    quick_depthwise(layers)
    assert not any("forward" in vars(layer) for layer in layers)
