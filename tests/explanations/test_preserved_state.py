"""An explanation leaves model and process as they were, whether it succeeds or fails on the way."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn

from explanations import DEFAULT_METHOD, METHODS, explain_batch, parse_options
from explanations.fast_model import FastModel
from model_src.artefacts import load_artefacts
from model_src.classes import COVID
from model_src.networks.coronet import CoroNet


class _FailsAtThirdPass(nn.Module):
    """Passes the wrapped classifier's answers on, two times."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def _count(self) -> None:
        self.passes += 1
        if self.passes >= 3:
            raise RuntimeError("the device is on fire")

    def forward(self, r):
        self._count()
        return self.inner(r)

    def features(self, r):
        self._count()
        return self.inner.features(r)

    def classify(self, f):
        return self.inner.classify(f)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_changed(patch_case, method, fails):
    cin = _FailsAtThirdPass(patch_case.network.cin) if fails else patch_case.network.cin
    network = CoroNet(patch_case.network.tfen, cin)
    network.train()
    network.tfen.eval()
    for parameter in network.parameters():
        parameter.requires_grad = True
    torch.manual_seed(11), np.random.seed(11), random.seed(11)
    modes = [module.training for module in network.modules()]
    weights = [parameter.detach().clone() for parameter in network.parameters()]
    random_states = (torch.get_rng_state(), np.random.get_state(), random.getstate())
    threads = torch.get_num_threads()
    options = _options(method)

    with torch.inference_mode():
        if fails:
            with pytest.raises(RuntimeError, match="on fire"):
                explain_batch(network, patch_case.x, [COVID, COVID], options)
        else:
            explain_batch(network, patch_case.x, [COVID, COVID], options)
        assert torch.is_inference_mode_enabled()

    assert torch.is_grad_enabled()
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), weights, strict=True))
    assert torch.equal(torch.get_rng_state(), random_states[0])
    assert np.array_equal(np.random.get_state()[1], random_states[1][1])
    assert random.getstate() == random_states[2]
    assert torch.get_num_threads() == threads
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in network.modules())


@pytest.mark.parametrize("passes", [1, 5])
def test_nothing_is_left_changed_when_the_fast_copy_fails(artefact_dir, monkeypatch, passes):
    network = load_artefacts(artefact_dir)[0]
    calls = itertools.count(1)
    forward = FastModel.forward

    def fails(self, x):
        if next(calls) == passes:
            raise RuntimeError("the device is on fire")
        return forward(self, x)

    monkeypatch.setattr(FastModel, "forward", fails)
    network.train()
    for parameter in network.parameters():
        parameter.requires_grad = True
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    torch.manual_seed(11)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="on fire"):
        explain_batch(
            network, torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)), [COVID], _options()
        )
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def _options(method=DEFAULT_METHOD):
    return parse_options({"method": method, "steps": 6, "score_steps": 4})
