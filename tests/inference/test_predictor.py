"""The serving core against a chain whose answers are known (see conftest)."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from explanations import DEFAULT_METHOD, METHODS, parse_options
from explanations.time_limit import Pace
from inference import predictor as core_module
from inference.predictor import CoroNetCore
from model_src.artefacts import CIN_NAME
from model_src.errors import ArtefactError, InternalError, OutOfMemory

# Fewer steps than the default, so that the test is quick; a method that is not named here keeps its own.
QUICK = {"meaningful_perturbation": 3, "integrated_gradients": 4, "gradient_shap": 2, "occlusion": 9}


def options_of(method, **fields):
    return parse_options({"method": method, "score_steps": 4, "steps": QUICK.get(method), **fields})


def softmax(*logits):
    total = sum(math.exp(value) for value in logits)
    return [math.exp(value) / total for value in logits]


@pytest.mark.parametrize(
    ("gray", "label", "healthy_residual", "pneumonia_residual"),
    [
        (0, "Pneumonia", 0.5, 1 / (1 + math.exp(-1))),
        (255, "Healthy", 1 - 1 / (1 + math.exp(-1)), 1 - 1 / (1 + math.exp(-2))),
    ],
)
def test_answer_worked_out_on_paper(core, make_png, gray, label, healthy_residual, pneumonia_residual):
    (answer,) = core.predict([core.read(make_png(gray))])
    expected = softmax(0, 20 * (healthy_residual - 0.4), -3)
    assert answer["label"] == label
    assert list(answer["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
    assert answer["residual"] == pytest.approx({"healthy": healthy_residual, "pneumonia": pneumonia_residual}, abs=1e-5)
    assert answer["image"] == {"format": "PNG", "width": 40, "height": 40}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_order_and_values_do_not_depend_on_the_batch(core, make_png):
    xrays = [core.read(make_png(gray)) for gray in (0, 255, 90, 13, 200)]
    together = core.predict(xrays)
    assert together == [core.predict([xray])[0] for xray in xrays]
    assert [answer["label"] for answer in together[:2]] == ["Pneumonia", "Healthy"]


def test_batches_are_filled_up_to_one_size(core, make_png, monkeypatch):
    sizes = []
    classify = core.engine.classify
    monkeypatch.setattr(core, "batch", 4)
    monkeypatch.setattr(core.engine, "classify", lambda x: sizes.append(len(x)) or classify(x))
    answers = core.predict([core.read(make_png(gray)) for gray in (0, 255, 0, 255, 0, 255)])
    assert sizes == [4, 4]
    assert [answer["label"] for answer in answers] == ["Pneumonia", "Healthy"] * 3


def test_not_a_number_is_an_error_of_that_image_alone(core, make_png):
    good = core.read(make_png(0))
    bad = replace(good, tensor=torch.full_like(good.tensor, math.nan))
    first, second, third = core.predict([good, bad, good])
    assert first["label"] == third["label"] == "Pneumonia"
    assert isinstance(second, InternalError)
    assert isinstance(core.explain([bad], options_of("saliency"))[0], InternalError)


def test_batch_out_of_memory_is_tried_one_by_one(core, make_png, monkeypatch):
    classify = core.engine.classify

    def small_memory(x):
        if len(x) > 1 or float(x.mean()) > 0.9:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return classify(x)

    monkeypatch.setattr(core, "batch", 4)
    monkeypatch.setattr(core.engine, "classify", small_memory)
    dark, white, gray = core.predict([core.read(make_png(gray)) for gray in (0, 255, 90)])
    assert dark["label"] == "Pneumonia"
    assert gray["label"] == "Healthy"
    assert isinstance(white, OutOfMemory)


def test_a_defect_is_not_taken_for_memory(core, make_png, monkeypatch):
    def broken(x):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(core.engine, "classify", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        core.predict([core.read(make_png(0))])


@pytest.mark.parametrize("method", METHODS)
def test_each_method_answers_as_promised(core, chest_png, method):
    xray = core.read(chest_png)
    (answer,) = core.explain([xray], options_of(method))
    (prediction,) = core.predict([xray])
    assert answer["method"] == method
    assert answer["target"] == answer["label"] == prediction["label"]
    assert answer["probabilities"] == prediction["probabilities"]
    rows = answer["heatmap"]
    assert len(rows) <= 64
    assert all(len(row) == len(rows[0]) <= 64 for row in rows)
    assert all(0 <= value <= 1 for row in rows for value in row)
    assert answer["target_probability"]["original"] == pytest.approx(
        prediction["probabilities"][answer["label"]], abs=1e-5
    )
    assert set(answer["faithfulness"]) == {"deletion", "insertion"}
    assert answer["sign"]
    json.dumps(answer, allow_nan=False)
    assert core.explain([xray], options_of(method)) == [answer]


def test_target_is_the_predicted_class_unless_given(core, make_png):
    xray = core.read(make_png(0))
    assert core.explain([xray], options_of("grad_cam"))[0]["target"] == "Pneumonia"
    assert core.explain([xray], options_of("grad_cam", target="healthy"))[0]["target"] == "Healthy"
    assert core.explain([xray], options_of("grad_cam", target=2))[0]["target"] == "COVID-19"


def test_a_mask_step_corrects_a_pace_measured_on_a_busy_machine(core, chest_png, monkeypatch):
    monkeypatch.setattr(core, "pace", Pace(forward=100.0, gradient=300.0, mask_step=200.0))
    core.explain([core.read(chest_png)], options_of("meaningful_perturbation"))
    corrected = core.pace
    assert 0 < corrected.mask_step < 100
    assert corrected.forward / corrected.mask_step == pytest.approx(0.5)
    core.explain([core.read(chest_png)] * 2, options_of("meaningful_perturbation"))
    assert core.pace == corrected  # two images together say nothing about one


@pytest.mark.parametrize(
    ("method", "size", "images"),
    [
        (DEFAULT_METHOD, 64, 8),
        (DEFAULT_METHOD, 224, 8),
        (DEFAULT_METHOD, 320, 3),
        (DEFAULT_METHOD, 512, 1),
        ("saliency", 64, 1),
    ],
)
def test_masks_are_made_together_as_far_as_memory_and_gain_go(core, monkeypatch, method, size, images):
    monkeypatch.setattr(core, "info", replace(core.info, image_size=size))
    assert core.together(options_of(method)) == images


def test_png_format_gives_the_overlay(core, chest_png):
    (picture,) = core.explain([core.read(chest_png)], options_of("saliency", format="png"))
    assert picture.startswith(b"\x89PNG")


def test_describe_says_what_it_is(core):
    facts = core.describe()
    assert facts["class_names"] == ["Healthy", "Pneumonia", "COVID-19"]
    assert facts["image_size"] == 32
    assert set(facts["sha256"]) == {"tfen.pt", "cin.pt"}
    assert facts["parameters"] == {"tfen": 107_318, "cin": 11_178_051}
    assert set(facts["methods"]) == set(METHODS)
    assert facts["versions"]["torch"] == torch.__version__.split("+")[0]
    assert "not for diagnosis" in facts["notice"]
    json.dumps(facts, allow_nan=False)


def test_changed_artefact_is_refused(hand_set_dir, tmp_path):
    for path in hand_set_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / CIN_NAME).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / CIN_NAME).write_bytes(damaged)
    with pytest.raises(ArtefactError, match=r"cin\.pt: SHA-256"):
        CoroNetCore(tmp_path)


def test_own_memory_error_is_named(core, make_png, monkeypatch):
    def exhausted(x):
        raise MemoryError

    monkeypatch.setattr(core.engine, "classify", exhausted)
    (answer,) = core.predict([core.read(make_png(0))])
    assert isinstance(answer, OutOfMemory)
    assert answer.status == 507
    assert core_module.is_out_of_memory(MemoryError())
