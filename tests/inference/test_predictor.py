"""The predictor on a network whose answers are known (tests/fixtures/hand_set_model.py)."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explanations import DEFAULT_METHOD, METHODS, parse_options
from explanations.time_limit import Pace
from inference.predictor import Predictor
from model_src.classes import CLASS_NAMES, COVID, HEALTHY, PNEUMONIA
from model_src.errors import ArtefactError, InternalError, InvalidRequest, OutOfMemory
from tests.model_src.engines.toy_engine import ToyEngine

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
def test_answer_worked_out_on_paper(predictor, make_png, gray, label, healthy_residual, pneumonia_residual):
    (prediction,) = predictor.predict([predictor.read(make_png(gray))])
    expected = softmax(0, 20 * (healthy_residual - 0.4), -3)
    assert CLASS_NAMES[prediction.label] == label
    assert prediction.probabilities == pytest.approx(expected, abs=1e-5)
    assert prediction.residual_means == pytest.approx((healthy_residual, pneumonia_residual), abs=1e-5)
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-6)


def test_a_prediction_says_what_it_is_about_and_who_made_it(predictor, make_png):
    (prediction,) = predictor.predict([predictor.read(make_png(0))])
    assert (prediction.xray.format, prediction.xray.width, prediction.xray.height) == ("PNG", 40, 40)
    assert any("all pixels are alike" in text for text in prediction.xray.warnings)
    assert prediction.model_version == "1.0"
    assert prediction.warnings == ("research use only, not for diagnosis",)


def test_order_and_values_do_not_depend_on_the_batch(predictor, make_png):
    xrays = [predictor.read(make_png(gray)) for gray in (0, 255, 90, 13, 200)]
    together = predictor.predict(xrays)
    assert together == [predictor.predict([xray])[0] for xray in xrays]
    assert [each.label for each in together[:2]] == [PNEUMONIA, HEALTHY]


def test_batches_are_filled_up_to_one_size(predictor, make_png, monkeypatch):
    sizes = []
    classify = predictor.engine.classify
    monkeypatch.setattr(predictor, "batch", 4)
    monkeypatch.setattr(predictor.engine, "classify", lambda x: sizes.append(len(x)) or classify(x))
    predictions = predictor.predict([predictor.read(make_png(gray)) for gray in (0, 255, 0, 255, 0, 255)])
    assert sizes == [4, 4]
    assert [each.label for each in predictions] == [PNEUMONIA, HEALTHY] * 3


def test_not_a_number_is_an_error_of_that_image_alone(predictor, make_png):
    good = predictor.read(make_png(0))
    bad = replace(good, tensor=torch.full_like(good.tensor, math.nan))
    first, second, third = predictor.predict([good, bad, good])
    assert first.label == third.label == PNEUMONIA
    assert isinstance(second, InternalError)
    assert isinstance(predictor.explain([bad], options_of("saliency"))[0], InternalError)


def test_batch_out_of_memory_is_tried_one_by_one(predictor, make_png, monkeypatch):
    classify = predictor.engine.classify

    def small_memory(x):
        if len(x) > 1 or float(x.mean()) > 0.9:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return classify(x)

    monkeypatch.setattr(predictor, "batch", 4)
    monkeypatch.setattr(predictor.engine, "classify", small_memory)
    dark, white, gray = predictor.predict([predictor.read(make_png(gray)) for gray in (0, 255, 90)])
    assert dark.label == PNEUMONIA
    assert gray.label == HEALTHY
    assert isinstance(white, OutOfMemory)


def test_a_defect_is_not_taken_for_memory(predictor, make_png, monkeypatch):
    def broken(x):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(predictor.engine, "classify", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        predictor.predict([predictor.read(make_png(0))])


@pytest.mark.parametrize("method", METHODS)
def test_each_method_answers_as_promised(predictor, chest_png, method):
    xray = predictor.read(chest_png)
    (explanation,) = predictor.explain([xray], options_of(method))
    (prediction,) = predictor.predict([xray])
    assert explanation.method == method
    assert explanation.prediction == prediction
    assert explanation.target == prediction.label
    assert max(explanation.heatmap.shape) <= 64
    assert explanation.heatmap.dtype == np.float32
    assert 0 <= explanation.heatmap.min() <= explanation.heatmap.max() <= 1
    assert explanation.residuals.shape == (3, 32, 32)
    assert explanation.probability_before == pytest.approx(prediction.probabilities[prediction.label], abs=1e-5)
    assert all(0 <= value <= 1 for value in (explanation.deletion, explanation.insertion))
    assert explanation.sign
    (again,) = predictor.explain([xray], options_of(method))
    assert np.array_equal(again.heatmap, explanation.heatmap)
    assert (again.deletion, again.insertion, again.details) == (
        explanation.deletion,
        explanation.insertion,
        explanation.details,
    )


def test_target_is_the_predicted_class_unless_given(predictor, make_png):
    xray = predictor.read(make_png(0))
    assert predictor.explain([xray], options_of("grad_cam"))[0].target == PNEUMONIA
    assert predictor.explain([xray], options_of("grad_cam", target="healthy"))[0].target == HEALTHY
    assert predictor.explain([xray], options_of("grad_cam", target=2))[0].target == COVID


def test_a_mask_step_corrects_a_pace_measured_on_a_busy_machine(predictor, chest_png, monkeypatch):
    monkeypatch.setattr(predictor, "pace", Pace(forward=100.0, gradient=300.0, mask_step=200.0))
    predictor.explain([predictor.read(chest_png)], options_of("meaningful_perturbation"))
    corrected = predictor.pace
    assert 0 < corrected.mask_step < 100
    assert corrected.forward / corrected.mask_step == pytest.approx(0.5)
    predictor.explain([predictor.read(chest_png)] * 2, options_of("meaningful_perturbation"))
    assert predictor.pace == corrected  # two images together say nothing about one


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
def test_masks_are_made_together_as_far_as_memory_and_gain_go(predictor, monkeypatch, method, size, images):
    monkeypatch.setattr(predictor, "info", replace(predictor.info, image_size=size))
    assert predictor.together(options_of(method)) == images


def test_options_are_parsed_and_refused_where_this_machine_cannot_finish(predictor, monkeypatch):
    monkeypatch.setattr(predictor, "pace", Pace(forward=1.0, gradient=3.0, mask_step=2.0))
    options = predictor.options({"method": "saliency", "score_steps": "4"}, seconds=60)
    assert (options.method, options.settings.score_steps) == ("saliency", 4)
    assert predictor.expected_seconds(options) == 3 + 2 * 4 + 2  # a gradient, two curves, before and after
    with pytest.raises(InvalidRequest, match=r"^method: saliency takes about 13 s .* for fewer images"):
        predictor.options({"method": "saliency", "score_steps": "4"}, seconds=25, images=2)
    with pytest.raises(InvalidRequest, match="colour"):
        predictor.options({"colour": "red"}, seconds=60)


def test_describe_says_what_it_is(predictor):
    facts = predictor.describe()
    assert facts["class_names"] == ["Healthy", "Pneumonia", "COVID-19"]
    assert facts["image_size"] == 32
    assert set(facts["sha256"]) == {"tfen.pt", "cin.pt", "tfen.pt2", "cin.pt2"}
    assert facts["parameters"] == {"tfen": 107_318, "cin": 11_178_051}
    assert set(facts["methods"]) == set(METHODS)
    assert facts["versions"]["torch"] == torch.__version__.split("+")[0]
    assert "not for diagnosis" in facts["notice"]
    json.dumps(facts, allow_nan=False)


def test_changed_artefact_is_refused(hand_set_dir, tmp_path):
    for path in hand_set_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "cin.pt").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "cin.pt").write_bytes(damaged)
    with pytest.raises(ArtefactError, match=r"cin\.pt: SHA-256"):
        Predictor(tmp_path)


def test_own_memory_error_is_named(predictor, make_png, monkeypatch):
    def exhausted(x):
        raise MemoryError

    monkeypatch.setattr(predictor.engine, "classify", exhausted)
    (error,) = predictor.predict([predictor.read(make_png(0))])
    assert isinstance(error, OutOfMemory)
    assert error.status == 507


@pytest.mark.parametrize(("engine", "explains", "records"), [("cuda", True, 1), ("cuda", False, 0), ("toy", True, 0)])
def test_steps_are_recorded_where_the_engine_of_cuda_graphs_was_asked_for(
    artefact_dir, monkeypatch, engine, explains, records
):
    def opened(model, *_):
        return ToyEngine(model, "float16", 0.0, name=engine)

    told: list[object] = []
    monkeypatch.setattr("inference.predictor.open_engine", opened)
    monkeypatch.setattr("inference.predictor.open_fastest", lambda *given: (opened(*given), ()))
    monkeypatch.setattr("inference.predictor.record_steps", told.append)
    served = Predictor(artefact_dir, explains=explains)
    assert told == [served.network] * records
