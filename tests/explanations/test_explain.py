"""What holds for every method: repeatable, independent of the batch, in time, warned where it must, no NaN out."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from explanations import DEFAULT_METHOD, METHODS, explain_batch, parse_options
from explanations.deadline import Deadline
from explanations.target_model import TargetModel
from model_src.classes import COVID, HEALTHY
from model_src.errors import InvalidRequest
from model_src.networks.coronet import CoroNet

QUICK = {"steps": 6, "score_steps": 4}


@pytest.mark.parametrize("method", METHODS)
def test_the_same_request_twice_gives_the_same_answer(patch_case, method):
    first, second = (_explain(patch_case, method, seed=5) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.heatmap, other.heatmap)
        assert _facts(one) == _facts(other)


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(patch_case, method):
    x = torch.cat([patch_case.x, torch.full_like(patch_case.x[:1], 0.5)])
    together = explain_batch(patch_case.network, x, [COVID, COVID, HEALTHY], _options(method))
    for i, target in enumerate([COVID, COVID, HEALTHY]):
        alone = explain_batch(patch_case.network, x[i : i + 1], [target], _options(method))[0]
        np.testing.assert_allclose(together[i].heatmap, alone.heatmap, atol=1e-4)
        assert together[i].warnings == alone.warnings
        assert together[i].steps == alone.steps
        assert together[i].deletion == pytest.approx(alone.deletion, abs=1e-4)
        assert together[i].insertion == pytest.approx(alone.insertion, abs=1e-4)


@pytest.mark.parametrize("method", ["meaningful_perturbation", "grad_cam", "gradient_shap"])
def test_another_seed_gives_another_answer(patch_case, method):
    one, other = (_explain(patch_case, method, steps=12, seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one.heatmap, other.heatmap)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_within_the_contract(patch_case, method):
    for found in _explain(patch_case, method):
        assert found.heatmap.dtype == np.float32
        assert max(found.heatmap.shape) <= 64
        assert found.heatmap.min() >= 0
        assert found.heatmap.max() <= 1
        assert found.target == COVID
        assert 0 <= found.deletion <= 1
        assert 0 <= found.insertion <= 1
        json.dumps(found.details, allow_nan=False)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gray", [0.0, 0.4, 1.0])
def test_a_constant_image_gets_a_warning_and_numbers(patch_case, method, gray):
    x = torch.full_like(patch_case.x[:1], gray)
    found = explain_batch(patch_case.network, x, [COVID], _options(method))[0]
    assert any("constant" in text for text in found.warnings)
    assert np.isfinite(found.heatmap).all()
    json.dumps(_facts(found), allow_nan=False)


@pytest.mark.parametrize("method", METHODS)
def test_a_black_border_gets_a_warning_and_numbers(patch_case, method):
    x = patch_case.x[:1].clone()
    x[..., :8] = x[..., -8:] = 0
    found = explain_batch(patch_case.network, x, [COVID], _options(method))[0]
    (warning,) = found.warnings
    assert warning.startswith("the image has a black border (left, right): ")
    assert found.heatmap[..., -1].max() < found.heatmap.max()
    json.dumps(_facts(found), allow_nan=False)


class _CountsTheOriginal(nn.Module):
    """A TFEN that counts how often it is given `image` without a gradient being asked for."""

    def __init__(self, inner: nn.Module, image: torch.Tensor) -> None:
        super().__init__()
        self.inner, self.image, self.seen = inner, image, 0

    def forward(self, x):
        self.seen += not torch.is_grad_enabled() and any(torch.equal(each, self.image) for each in x)
        return self.inner(x)

    def reconstruct(self, x):
        return self.inner.reconstruct(x)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("meaningful_perturbation", {}),
        ("integrated_gradients", {}),
        ("saliency", {"steps": 1}),
        ("gradient_shap", {}),
    ],
)
def test_what_the_network_says_of_the_unchanged_image_is_computed_once(patch_case, method, fields):
    tfen = _CountsTheOriginal(patch_case.network.tfen, patch_case.x[0])
    explain_batch(CoroNet(tfen, patch_case.network.cin), patch_case.x[:1], [COVID], _options(method, **fields))
    assert tfen.seen == 1


@pytest.mark.parametrize(
    ("rows", "gray", "warned"), [(1, 0.0, True), (1, 0.005, True), (1, 0.05, False), (0, 0.0, False)]
)
def test_a_border_is_black_along_a_whole_edge(patch_case, rows, gray, warned):
    # 2% of 56 pixels is one row
    x = patch_case.x[:1].clone()
    x[..., 30, 30] = 0
    x[..., :rows, :] = gray
    found = explain_batch(patch_case.network, x, [COVID], _options("saliency"))[0]
    assert any("black border (top)" in text for text in found.warnings) == warned


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if hasattr(method.settings, "sign")])
def test_what_another_sign_does_to_the_scores_is_said(patch_case, method):
    assert not any("sign" in text for text in _explain(patch_case, method)[0].warnings)
    against = explain_batch(patch_case.network, patch_case.x[:1], [HEALTHY], _options(method, sign="negative"))[0]
    assert any("large deletion area and a small insertion area" in text for text in against.warnings)
    # The patch speaks against Healthy: deleting it first brings Healthy back, so the usual reading is turned round.
    assert against.deletion > against.insertion
    both = _explain(patch_case, method, sign="absolute")[0]
    assert any("for and against the class together" in text for text in both.warnings)


class _NotANumber(nn.Module):
    """A classifier that breaks down for images that are bright on average."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def features(self, r):
        bright = r.mean(dim=(1, 2, 3), keepdim=True) > 0.5
        return torch.where(bright, torch.full_like(r, float("nan")), r) if bright.any() else r

    def classify(self, f):
        return self.inner.classify(self.inner.features(f))

    def forward(self, r):
        return self.classify(self.features(r))


@pytest.mark.parametrize("method", METHODS)
def test_a_value_that_is_no_number_is_said_and_stays_with_its_image(patch_case, method):
    network = CoroNet(patch_case.network.tfen, _NotANumber(patch_case.network.cin))
    x = torch.cat([patch_case.x[:1], patch_case.x[1:] + 0.5])
    options = _options(method)
    fine, broken = explain_batch(network, x, [COVID, COVID], options)
    assert fine.warnings == ()
    assert fine.heatmap.any()
    assert any("not a number" in text for text in broken.warnings)
    assert not broken.heatmap.any()
    json.dumps(_facts(broken), allow_nan=False)


def test_a_target_that_is_not_there_is_answered_with_a_warning(patch_case):
    found = explain_batch(patch_case.network, patch_case.x[:1], [HEALTHY], parse_options(dict(QUICK)))[0]
    assert found.original_probability < 0.05
    assert any("hardly anything to explain" in text for text in found.warnings)


def test_a_perturbation_that_cannot_remove_the_class_is_named(patch_case):
    # Blurring by a quarter of a pixel leaves the patch, and with it the class, where it is.
    found = explain_batch(
        patch_case.network,
        patch_case.x[:1],
        [COVID],
        _options("meaningful_perturbation", perturbation="blur", blur_sigma=1),
    )[0]
    assert any("try another perturbation" in text for text in found.warnings)


def test_the_time_budget_returns_the_best_mask_so_far(patch_case, monkeypatch):
    # A clock that moves 0.03 s whenever it is read, on a machine of any speed.
    clock = SimpleNamespace(monotonic=itertools.count(0.0, 0.03).__next__)
    monkeypatch.setattr("explanations.deadline.time", clock)
    options = parse_options({"steps": 1000, "time_budget": 0.1, "score_steps": 4, "tv": 0, "area": 0})
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    assert any("time_budget of 0.1 s" in text for text in found.warnings)
    assert 1 <= found.steps <= 4
    assert np.isfinite(found.heatmap).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_past_the_servers_deadline_says_so(patch_case, method):
    over = Deadline.after(-1, "the server's limit of 600 s")
    options = _options(method)
    if method == DEFAULT_METHOD:
        found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options, over)[0]
        assert any(text.startswith("the server's limit of 600 s reached: this is the best") for text in found.warnings)
        assert found.steps == 1
    else:
        with pytest.raises(InvalidRequest, match=r"^steps: .* the server's limit of 600 s was reached"):
            explain_batch(patch_case.network, patch_case.x[:1], [COVID], options, over)


def test_the_earlier_of_two_deadlines_is_named(patch_case):
    options = _options(DEFAULT_METHOD, time_budget=100)
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options, Deadline.after(-1, "the server's"))[0]
    assert any(text.startswith("the server's reached") for text in found.warnings)
    later = Deadline.after(1000, "the server's")
    assert explain_batch(patch_case.network, patch_case.x[:1], [COVID], options, later)[0].warnings == ()


@pytest.mark.parametrize("objective", ["deletion", "preservation"])
@pytest.mark.parametrize("init", ["attribution", "circular", "uniform"])
def test_the_time_budget_bounds_the_start_too(patch_case, monkeypatch, init, objective):
    # The clock stands past the budget whenever it is asked: one gradient, or disc, and one step must be enough.
    clock = itertools.chain([0.0], itertools.repeat(10.0))
    monkeypatch.setattr("explanations.deadline.time", SimpleNamespace(monotonic=clock.__next__))
    passes = []
    monkeypatch.setattr(TargetModel, "logits", lambda model, x: passes.append(len(x)) or model.network(x).float())
    monkeypatch.setattr("explanations.explain.deletion_insertion", lambda *_: (torch.zeros(1), torch.zeros(1)))
    options = parse_options({"steps": 20, "time_budget": 0.1, "init": init, "objective": objective})
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    assert any("time_budget of 0.1 s" in text for text in found.warnings)
    assert found.steps == 1
    # start 1 (circular: up to 2 more for what whole and nothing give), step 1, terms 1, powerless 2, end 1
    assert len(passes) <= 8
    assert np.isfinite(found.heatmap).all()


def test_it_stops_when_it_no_longer_improves(patch_case):
    found = explain_batch(
        patch_case.network, patch_case.x[:1], [COVID], parse_options({"steps": 500, "perturbation": "fade"})
    )[0]
    assert found.steps < 300
    assert found.details["stopped"] == ["no improvement"]


def test_several_seeds_are_averaged(patch_case):
    fields = {"perturbation": "fade", "steps": 10, "score_steps": 4}
    runs = [_mask(patch_case, {**fields, "seed": seed}) for seed in (0, 1)]
    averaged = _mask(patch_case, {**fields, "seed": 0, "seeds": 2})
    np.testing.assert_allclose(averaged, (runs[0] + runs[1]) / 2, atol=1e-5)


def _mask(case, fields):
    return explain_batch(case.network, case.x[:1], [COVID], parse_options(fields))[0].heatmap


def _options(method=DEFAULT_METHOD, **fields):
    # At 56 pixels the default blur is too weak to remove a bright patch, which would be a warning.
    strong = {"perturbation": "fade"} if method == "meaningful_perturbation" else {}
    return parse_options({"method": method, **QUICK, **strong, **fields})


def _explain(case, method, **fields):
    return explain_batch(case.network, case.x, [COVID, COVID], _options(method, **fields))


def _facts(found):
    """What an answer says besides its arrays."""
    facts = {name: value for name, value in vars(found).items() if not isinstance(value, np.ndarray)}
    del facts["step_seconds"]
    return facts
