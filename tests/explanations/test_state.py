"""An explanation leaves model and process as they were, whether it succeeds or fails on the way."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn

from explanations import DEFAULT_METHOD, METHODS, explain_batch, parse_options
from explanations.fast_chain import FastChain
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
    cin = _FailsAtThirdPass(patch_case.chain.cin) if fails else patch_case.chain.cin
    chain = CoroNet(patch_case.chain.tfen, cin)
    chain.train()
    chain.tfen.eval()
    for parameter in chain.parameters():
        parameter.requires_grad = True
    torch.manual_seed(11), np.random.seed(11), random.seed(11)
    modes = [module.training for module in chain.modules()]
    weights = [parameter.detach().clone() for parameter in chain.parameters()]
    random_states = (torch.get_rng_state(), np.random.get_state(), random.getstate())
    threads = torch.get_num_threads()
    options = _options(method)

    with torch.inference_mode():
        if fails:
            with pytest.raises(RuntimeError, match="on fire"):
                explain_batch(chain, patch_case.x, [COVID, COVID], options)
        else:
            explain_batch(chain, patch_case.x, [COVID, COVID], options)
        assert torch.is_inference_mode_enabled()

    assert torch.is_grad_enabled()
    assert [module.training for module in chain.modules()] == modes
    assert all(parameter.requires_grad and parameter.grad is None for parameter in chain.parameters())
    assert all(torch.equal(a, b) for a, b in zip(chain.parameters(), weights, strict=True))
    assert torch.equal(torch.get_rng_state(), random_states[0])
    assert np.array_equal(np.random.get_state()[1], random_states[1][1])
    assert random.getstate() == random_states[2]
    assert torch.get_num_threads() == threads
    assert not any(m._forward_hooks or m._backward_hooks or m._forward_pre_hooks for m in chain.modules())


@pytest.mark.parametrize("passes", [1, 5])
def test_nothing_is_left_changed_when_the_fast_copy_fails(artefact_dir, monkeypatch, passes):
    chain = load_artefacts(artefact_dir)[0]
    calls = itertools.count(1)
    forward = FastChain.forward

    def fails(self, x):
        if next(calls) == passes:
            raise RuntimeError("the device is on fire")
        return forward(self, x)

    monkeypatch.setattr(FastChain, "forward", fails)
    chain.train()
    for parameter in chain.parameters():
        parameter.requires_grad = True
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    modes = [module.training for module in chain.modules()]
    torch.manual_seed(11)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="on fire"):
        explain_batch(chain, torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1)), [COVID], _options())
    assert [module.training for module in chain.modules()] == modes
    assert all(parameter.requires_grad and parameter.grad is None for parameter in chain.parameters())
    assert all(torch.equal(value, before[name]) for name, value in chain.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def _options(method=DEFAULT_METHOD):
    return parse_options({"method": method, "steps": 6, "score_steps": 4})
