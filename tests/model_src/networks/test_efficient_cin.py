"""What EfficientCIN does to its maps before the stem."""

from __future__ import annotations

import torch

from model_src.networks.efficient_cin import EfficientCIN, blurred


def test_a_point_becomes_a_small_hill():
    point = torch.zeros(1, 2, 5, 5)
    point[0, 1, 2, 2] = 16
    hill = blurred(point, torch.tensor([0.25, 0.5, 0.25]))
    wanted = torch.zeros(1, 2, 5, 5)
    wanted[0, 1, 1:4, 1:4] = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert torch.equal(hill, wanted)


def test_stripes_of_one_pixel_are_not_seen():
    torch.manual_seed(0)
    network = EfficientCIN().eval()
    network.residual_mean.fill_(0.5)
    flat = torch.full((1, 3, 64, 64), 0.5)
    striped = flat + 0.4 * (-1.0) ** torch.arange(64)
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    seen, wanted = (network._stem(maps)[inside] for maps in (striped, flat))
    torch.testing.assert_close(seen, wanted, atol=1e-6, rtol=0)


def test_weights_without_a_blur_are_of_a_network_that_had_none():
    torch.manual_seed(0)
    trained = EfficientCIN().eval()
    trained.residual_blur.copy_(torch.tensor([0.0, 1.0, 0.0]))
    maps = torch.rand(1, 3, 64, 64)
    sharp = trained(maps)
    weights = {name: value for name, value in trained.state_dict().items() if name != "residual_blur"}
    loaded = EfficientCIN().eval()
    assert not torch.equal(loaded(maps), sharp)
    loaded.load_weights(weights)
    assert torch.equal(loaded(maps), sharp)
