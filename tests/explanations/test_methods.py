"""Each method on a model that looks at one patch: the exact map, where theory gives one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explanations import METHODS, explain_batch, parse_options
from explanations.layer_evidence import layer_evidence
from explanations.methods.meaningful_perturbation import SALIENCY_SHARE, _ranked, _smoothed
from explanations.perturbations import perturbation
from explanations.target_model import TargetModel
from model_src.classes import COVID, HEALTHY

# Options under which a method's map is exactly 1 in the patch's cell and 0 elsewhere.
ONE_HOT: dict[str, dict[str, object]] = {
    "saliency": {"grid": 7},
    "integrated_gradients": {"grid": 7, "baseline": "black", "steps": 4},
    "gradient_shap": {"grid": 7, "steps": 5},
    "occlusion": {"steps": 49, "window": 1 / 7, "baseline": "black"},
    "feature_ablation": {"steps": 49, "tiles": "grid", "baseline": "black"},
}


@pytest.mark.parametrize("method", ONE_HOT)
def test_map_is_the_patch_alone(patch_case, method):
    found = explain_batch(patch_case.network, patch_case.x, [COVID, COVID], _options(method, **ONE_HOT[method]))
    for attribution in found:
        wanted = patch_case.inside.float().numpy()
        if attribution.heatmap.shape == (13, 13):  # occlusion draws a finer grid than its windows
            wanted = _refined(wanted)
        np.testing.assert_allclose(attribution.heatmap, wanted, atol=1e-5)


def test_integrated_gradients_add_up_to_the_change_of_log_odds(patch_case):
    options = _options("integrated_gradients", baseline="black", steps=3)
    facts = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0].details
    # From a black patch to one of 0.9 the logit rises by 20 x 0.9; the others stay at 0.
    assert facts["log_odds_change"] == pytest.approx(18.0, abs=1e-4)
    assert facts["completeness_error"] < 1e-5


def test_integrated_gradients_of_noisy_copies_add_up_too(patch_case):
    # Noise of 0.5 on a patch of 0.9 is cut off at 1: the mean change differs from the image's own.
    options = _options("integrated_gradients", baseline="black", steps=3, smooth_samples=3, smooth_noise=0.5)
    facts = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0].details
    assert abs(facts["log_odds_change"] - 18.0) > 0.5
    assert facts["completeness_error"] < 1e-5


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "feature_ablation"])
@pytest.mark.parametrize("gray", [0.3, 0.5, 0.7])
def test_an_even_image_has_nothing_to_blur_and_no_rounding_to_show(patch_case, method, gray):
    even = torch.full_like(patch_case.x[:1], gray)
    for target in (COVID, HEALTHY):
        assert not explain_batch(patch_case.network, even, [target], _options(method, steps=16))[0].heatmap.any()


def test_grad_cam_is_the_weighted_features(patch_case):
    # One channel: its weight is the mean gradient 20 / 49, so the map is the 7 x 7 gray means over their
    # maximum.
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], _options("grad_cam"))[0]
    means = torch.nn.functional.avg_pool2d(patch_case.x[:1], 8)[0, 0]
    np.testing.assert_allclose(found.heatmap, (means / means.max()).numpy(), atol=1e-5)


def test_grad_cam_for_a_class_that_the_patch_speaks_against_is_empty(patch_case):
    found = explain_batch(patch_case.network, patch_case.x[:1], [HEALTHY], _options("grad_cam"))[0]
    assert not found.heatmap.any()
    assert any("found nothing" in text for text in found.warnings)


def test_deletion_mask_covers_the_patch_and_little_else(patch_case):
    options = _options("meaningful_perturbation", perturbation="fade")
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    cells = found.heatmap.reshape(7, 4, 7, 4).mean(axis=(1, 3))
    far = ~_neighbourhood(patch_case.inside)
    assert np.unravel_index(cells.argmax(), cells.shape) == (2, 3)
    assert cells[patch_case.inside.numpy()].min() > 0.5
    assert cells[far].max() < 0.1
    assert found.original_probability > 0.99
    assert found.perturbed_probability < 0.3


def test_what_a_mask_removes_without_need_ranks_behind_what_the_answer_depends_on(patch_case):
    removed = torch.ones(2, 28, 28)  # the whole image, with no order in it
    model = TargetModel(patch_case.network, [COVID, COVID], patch_case.x.device)
    cells = _ranked(removed, removed, model, patch_case.x).view(2, 7, 4, 7, 4).mean(dim=(2, 4))
    far = ~_neighbourhood(patch_case.inside)
    for image in cells:
        assert image.argmax() == 2 * 7 + 3
        torch.testing.assert_close(image[far], torch.full_like(image[far], 1 - SALIENCY_SHARE), atol=0.01, rtol=0)


def test_the_mirrored_film_takes_one_sided_density_away_and_adds_none(patch_case):
    model = TargetModel(patch_case.network, [COVID], patch_case.x.device)
    film = torch.full((1, 1, 8, 8), 0.2)
    film[..., 2:4, :3] = 0.9  # dense on the left alone
    film[..., 6, :] = 0.7  # and on both sides
    clear = torch.full((1, 1, 8, 8), 0.2)
    clear[..., 6, :] = 0.7
    torch.testing.assert_close(perturbation("mirror", model, film, 10, 0), clear)
    torch.testing.assert_close(perturbation("mirror", model, film.flip(-1), 10, 0), clear)


def test_last_layers_show_where_the_classifier_looks(random_chain):
    model = TargetModel(random_chain, [COVID], torch.device("cpu"))
    film = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(random_chain.cin.feature_maps(film.expand(-1, 3, -1, -1))[-1],
                               random_chain.cin.features(film.expand(-1, 3, -1, -1)))  # fmt: skip
    evidence = layer_evidence(model, film)
    assert evidence.shape == (1, 28, 28)
    assert 0 <= float(evidence.min()) < float(evidence.max()) <= 1
    # By hand: the same from the classifier that begins at the third layer's map.
    maps = [m.detach().requires_grad_(True) for m in random_chain.cin.feature_maps(random_chain.residuals(film))]
    (gradient,) = torch.autograd.grad(
        model.log_odds_of(random_chain.cin.classify(random_chain.cin.layer4(maps[2]))).sum(), maps[2]
    )
    third = (gradient.clamp(min=0) * maps[2].detach()).sum(1)
    assert third.shape[-1] == 4
    top, left = (7 * place for place in divmod(int(third[0].argmax()), 4))  # 4 cells on 28
    assert evidence[0, top : top + 7, left : left + 7].max() > 0.4


def test_a_classifier_whose_layers_are_hidden_does_not_weigh_the_map_and_says_so(patch_case):
    weighed, ignored = (
        explain_batch(
            patch_case.network, patch_case.x[:1], [COVID], _options("meaningful_perturbation", layers=layers)
        )[0]
        for layers in ("weigh", "ignored")
    )
    np.testing.assert_array_equal(weighed.heatmap, ignored.heatmap)
    assert weighed.details["layers"] == ignored.details["layers"] == "ignored"


def test_a_smoothed_map_is_wider_and_as_high():
    maps = torch.zeros(1, 28, 28)
    maps[0, 10, 12] = 0.6
    smooth = _smoothed(maps, 2.0)[0]
    assert smooth.argmax() == 10 * 28 + 12
    assert smooth.max() == pytest.approx(0.6)
    assert smooth[10, 14] == pytest.approx(0.6 * math.exp(-0.5), abs=1e-4)  # one standard deviation away
    assert not _smoothed(torch.zeros(1, 28, 28), 2.0).any()


@pytest.mark.parametrize("replaced_by", ["blur", "fade", "noise", "healthy"])
def test_preservation_mask_keeps_the_patch(patch_case, replaced_by):
    options = _options("meaningful_perturbation", objective="preservation", perturbation=replaced_by, blur_sigma=40)
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    cells = found.heatmap.reshape(7, 4, 7, 4).mean(axis=(1, 3))
    assert np.unravel_index(cells.argmax(), cells.shape) == (2, 3)
    assert cells[~_neighbourhood(patch_case.inside)].max() < 0.2
    assert found.perturbed_probability > 0.7
    assert found.sign.startswith("1 = kept")


@pytest.mark.parametrize("init", ["attribution", "circular", "uniform"])
def test_every_start_leads_to_the_patch(patch_case, init):
    options = _options("meaningful_perturbation", perturbation="fade", init=init, steps=80)
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    cells = found.heatmap.reshape(7, 4, 7, 4).mean(axis=(1, 3))
    assert np.unravel_index(cells.argmax(), cells.shape) == (2, 3)


def test_superpixels_follow_the_bright_patch(patch_case):
    options = _options("feature_ablation", tiles="superpixels", steps=49, baseline="black")
    found = explain_batch(patch_case.network, patch_case.x[:1], [COVID], options)[0]
    bright = patch_case.x[0, 0].numpy() > 0.5
    assert found.heatmap.shape == bright.shape
    assert found.heatmap[bright].mean() > 10 * found.heatmap[~bright].mean()


def test_smoothing_averages_over_noisy_copies(patch_case):
    plain = explain_batch(patch_case.network, patch_case.x[:1], [COVID], _options("grad_cam"))[0]
    smooth = explain_batch(patch_case.network, patch_case.x[:1], [COVID], _options("grad_cam", steps=8))[0]
    assert smooth.steps == 8
    assert 0 < np.abs(plain.heatmap - smooth.heatmap).max() < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_answers_are_the_same_for_compiled_networks(random_chain, artefact_dir, method):
    from model_src.artefacts import load_artefacts

    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    options = _options(method, steps=4)
    eager = explain_batch(random_chain, x, [COVID], options)[0]
    compiled = explain_batch(load_artefacts(artefact_dir)[0], x, [COVID], options)[0]
    np.testing.assert_allclose(compiled.heatmap, eager.heatmap, atol=2e-3)
    assert compiled.steps == eager.steps
    for name in ("original_probability", "perturbed_probability", "deletion", "insertion"):
        assert getattr(compiled, name) == pytest.approx(getattr(eager, name), abs=1e-3)
        assert math.isfinite(getattr(eager, name))


def _options(method: str, **fields: object):
    return parse_options({"method": method, "score_steps": 4, **fields})


def _neighbourhood(inside: torch.Tensor) -> np.ndarray:
    """The patch's cell and the eight around it, which a smooth mask also touches."""
    return torch.nn.functional.max_pool2d(inside[None].float(), 3, stride=1, padding=1)[0].bool().numpy()


def _refined(cells: np.ndarray) -> np.ndarray:
    """A 7 x 7 map pooled onto 13 x 13 cells, by way of pixels."""
    pixels = torch.from_numpy(cells).repeat_interleave(8, 0).repeat_interleave(8, 1)
    pooled = torch.nn.functional.adaptive_avg_pool2d(pixels[None], 13)[0]
    return (pooled / pooled.max()).numpy()
