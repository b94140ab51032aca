"""The TFEN that OpenVINO compiles for a training on a CPU, against PyTorch's."""

from __future__ import annotations

import sys

import pytest
import torch

from model_src.networks.coronet import CoroNet
from model_src.networks.kinds import TFENS
from train.data.compiled_tfen import CompiledTFEN, tfen_for_training
from train.device import Compute

_CPU = torch.device("cpu")


@pytest.mark.parametrize(("bfloat16", "most", "mean"), [(True, 0.02, 0.002), (False, 1e-5, 1e-6)])
@pytest.mark.parametrize("third_map", list(TFENS))
def test_its_maps_are_the_plain_ones(third_map, bfloat16, most, mean, random_chain: CoroNet):
    pytest.importorskip("openvino")
    plain = TFENS[third_map](*random_chain.tfen.children()).eval()
    films = torch.rand(20, 1, 16, 16)  # more than are computed at once
    with torch.no_grad():
        wanted = plain(films)
    found = CompiledTFEN(plain, 16, bfloat16=bfloat16)(films)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=most, rtol=0)
    assert float((found - wanted).abs().mean()) < mean


def test_compiled_for_bfloat16_on_a_cpu_alone(random_chain: CoroNet, monkeypatch):
    pytest.importorskip("openvino")
    tfen = random_chain.tfen.eval()
    assert isinstance(tfen_for_training(tfen, 16, Compute(_CPU, bfloat16=True)), CompiledTFEN)
    assert tfen_for_training(tfen, 16, Compute(_CPU, bfloat16=False)) is tfen
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert tfen_for_training(tfen, 16, Compute(_CPU, bfloat16=True)) is tfen
