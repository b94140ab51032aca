"""The networks: hand-set weights with answers worked out on paper, sizes, gradients, and the released checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from model_src import torchscript
from model_src.errors import CoroNetError
from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE, check_size
from model_src.networks.tfen import TFEN


def zero_fpae() -> FPAE:
    """An FPAE whose convolutions are all zero: the decoder adds nothing, so F(x) = sigmoid(x)."""
    network = FPAE().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.get_parameter("bias"))
    return network


class Constant(nn.Module):
    """An 'autoencoder' that reconstructs a constant, or with `None` its own input."""

    def __init__(self, value: float | None) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (x if self.value is None else torch.full_like(x, self.value)), x


def test_parameter_counts_are_the_papers() -> None:
    assert sum(p.numel() for p in FPAE().parameters()) == 53_659
    chain = CoroNet(TFEN(FPAE(), FPAE()), CIN())
    assert sum(p.numel() for p in chain.parameters()) == 11_285_369


def test_without_convolutions_the_decoder_returns_the_sigmoid_of_its_input() -> None:
    x = torch.tensor([0.0, 0.25, 0.5, 1.0]).repeat(4, 4).reshape(1, 1, 4, 16).repeat(1, 1, 4, 1)
    reconstruction, latent = zero_fpae()(x)
    assert torch.allclose(reconstruction, torch.sigmoid(x))
    assert latent.shape == (1, 8, 2, 2)


def test_bias_of_the_last_layer_shifts_the_logit() -> None:
    network = zero_fpae()
    nn.init.constant_(network.get_parameter("convtrans7.bias"), 2.0)
    x = torch.full((1, 1, 16, 16), 0.5)
    assert torch.allclose(network(x)[0], torch.sigmoid(torch.tensor(2.5)))


def test_skip_connection_carries_conv1_before_activation_into_the_last_but_one_layer() -> None:
    # conv1's first channel is 3x; convtrans7 passes channel 0 on. ReLU(0 + 3x) + x = 4x enters the sigmoid.
    network = zero_fpae()
    network.conv1.weight.data[0, 0, 1, 1] = 3.0
    network.convtrans7.weight.data[0, 0, 1, 1] = 1.0
    network.bn0.eps = 0.0
    x = torch.rand(1, 1, 16, 16)
    assert torch.allclose(network(x)[0], torch.sigmoid(4 * x), atol=1e-6)


def test_latent_alone_is_the_latent_of_the_whole_forward(random_chain: CoroNet) -> None:
    x = torch.rand(2, 1, 32, 40)
    network = random_chain.tfen.healthy
    assert torch.equal(network.latent(x), network(x)[1])


@pytest.mark.parametrize(
    ("healthy", "pneumonia", "residuals"),
    [
        (None, None, (0.0, 0.0, 0.0)),  # both perfect
        (0.0, None, (0.6, 0.0, 0.6)),  # |x - 0| and |2x - 0 - x|
        (0.0, 0.0, (0.6, 0.6, 1.2)),
        (1.0, 0.5, (0.4, 0.1, 0.3)),  # |0.6 - 1|, |0.6 - 0.5|, |1.2 - 1.5|
    ],
)
def test_residual_equations(
    healthy: float | None, pneumonia: float | None, residuals: tuple[float, float, float]
) -> None:
    out = TFEN(Constant(healthy), Constant(pneumonia))(torch.full((1, 1, 8, 8), 0.6))
    assert out.shape == (1, 3, 8, 8)
    assert torch.allclose(out[0, :, 0, 0], torch.tensor(residuals), atol=1e-6)


def test_cin_standardises_by_its_buffers_and_loads_plain_resnet_weights() -> None:
    plain = CIN().eval()
    weights = {name: value for name, value in plain.state_dict().items() if not name.startswith("residual_")}
    standardised = CIN().eval()
    standardised.residual_mean = torch.full((3, 1, 1), 0.5)
    standardised.residual_std = torch.full((3, 1, 1), 2.0)
    standardised.load_state_dict(weights, strict=False)
    r = torch.rand(1, 3, 64, 64)
    assert torch.allclose(standardised(r), plain((r - 0.5) / 2), atol=1e-5)

    loaded = CIN().eval()
    loaded.residual_mean = torch.ones(3, 1, 1)
    loaded.load_weights(weights)
    assert torch.equal(loaded(r), plain(r))


@pytest.mark.parametrize("size", [16, 24, 64])
@pytest.mark.parametrize("count", [1, 3])
def test_scripted_chain_equals_eager_for_any_count_and_size(
    random_chain: CoroNet, tmp_path: Path, count: int, size: int
) -> None:
    paths = tmp_path / "tfen.pt", tmp_path / "cin.pt"
    torchscript.save(torchscript.script(random_chain.tfen), paths[0])
    torchscript.save(torchscript.script(random_chain.cin), paths[1])
    scripted = CoroNet(torchscript.load(paths[0]), torchscript.load(paths[1]))
    x = torch.rand(count, 1, size, size)
    assert torch.allclose(scripted(x), random_chain(x), atol=1e-5)
    residuals = scripted.tfen(x)
    assert torch.equal(scripted.cin.classify(scripted.cin.features(residuals)), scripted.cin(residuals))


def test_gradients_reach_the_xray_through_the_whole_chain(random_chain: CoroNet) -> None:
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    random_chain(x)[0, 1].backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_classify_gives_probabilities_without_gradients(random_chain: CoroNet) -> None:
    answer = random_chain.classify(torch.rand(2, 1, 32, 32))
    assert torch.allclose(answer.probabilities.sum(1), torch.ones(2))
    assert not answer.probabilities.requires_grad


@pytest.mark.parametrize("size", [0, 8, 20, -16])
def test_sizes_that_do_not_pass_the_pyramid_are_refused(size: int) -> None:
    with pytest.raises(CoroNetError, match=f"found {size}"):
        check_size(size)


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("size", [128, 224])
def test_released_checkpoints_give_the_released_outputs(upstream_weights: Path, image: int, size: int) -> None:
    networks = []
    for label in (0, 1):
        networks.append(FPAE().eval())
        weights = torch.load(upstream_weights / f"label_{label}_best.pth", map_location="cpu", weights_only=True)
        networks[-1].load_state_dict(weights)
    tfen = torchscript.script(TFEN(*networks))
    with np.load(upstream_weights / "expected_fpae_outputs.npz") as arrays:
        expected = {
            name.removeprefix(f"image{image}_{size}__"): torch.from_numpy(arrays[name])
            for name in arrays
            if name.startswith(f"image{image}_{size}__")
        }
    x = expected["input"][None, None]
    with torch.inference_mode():
        healthy, pneumonia = tfen.reconstruct(x)
        found = {
            "reconstruction_healthy": healthy[0, 0],
            "reconstruction_pneumonia": pneumonia[0, 0],
            "residual": tfen(x)[0],
            "latent_healthy": networks[0](x)[1][0],
        }
    for name, value in found.items():
        assert (value - expected[name]).abs().max() < 1e-5, name
