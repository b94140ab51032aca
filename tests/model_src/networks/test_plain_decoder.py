"""Decoders of plain convolutions, and the pyramid drawn from its smallest level: the same function."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model_src import torchscript
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS
from model_src.networks.plain_decoder import as_convolution, plain_copy
from tests.model_src.networks.uneven import uneven_chain


def test_a_transposed_convolution_spreads_what_a_plain_one_gathers() -> None:
    transposed = nn.ConvTranspose2d(1, 1, 3, padding=1)
    with torch.no_grad():
        transposed.weight.copy_(torch.arange(9.0).view(1, 1, 3, 3))
        transposed.bias.fill_(0.5)
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 1.0
    spread = as_convolution(transposed)(point)[0, 0]
    assert torch.equal(spread[1:4, 1:4], torch.arange(9.0).view(3, 3) + 0.5)
    assert torch.equal(spread[0], torch.full((5,), 0.5))


@pytest.mark.parametrize("other", [{"stride": 2, "padding": 1}, {"stride": 1, "padding": 0}])
def test_others_are_refused(other: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="need a kernel of 3 x 3, stride 1 and padding 1"):
        as_convolution(nn.ConvTranspose2d(3, 2, 3, **other))


@pytest.mark.parametrize("third_map", list(TFENS))
def test_a_chain_with_plain_decoders_says_the_same(third_map: str) -> None:
    chain = uneven_chain(TFENS[third_map], CINS["resnet18"])  # type: ignore[index]
    plain = plain_copy(chain)
    assert plain is not None
    assert not any(isinstance(module, nn.ConvTranspose2d) for module in plain.modules())
    x = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain.tfen(x), chain.tfen(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(plain.classify(x).probabilities, chain.classify(x).probabilities, atol=1e-5, rtol=0)
    assert any(isinstance(module, nn.ConvTranspose2d) for module in chain.modules())  # which is left as it was
    assert plain.cin.fc.weight.data_ptr() == chain.cin.fc.weight.data_ptr()


def test_artefacts_have_one_too_and_other_networks_have_none(random_chain: CoroNet) -> None:
    scripted = CoroNet(torchscript.script(random_chain.tfen), torchscript.script(random_chain.cin))
    assert plain_copy(scripted) is not None
    assert plain_copy(CoroNet(nn.Identity(), nn.Identity())) is None


def test_each_level_of_the_pyramid_is_doubled_with_all_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from model_src.networks import fpae

    doubled: list[tuple[int, ...]] = []
    double = fpae._double

    def watched(x: torch.Tensor) -> torch.Tensor:
        doubled.append(tuple(x.shape[1:]))
        return double(x)

    monkeypatch.setattr(fpae, "_double", watched)
    FPAE().eval()(torch.zeros(1, 1, 32, 32))
    assert doubled == [(8, 4, 4), (16, 8, 8), (24, 16, 16)]
