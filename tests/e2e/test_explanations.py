"""Explanations by the real server: every method it offers, what it warns of and refuses, and the contract's fields."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from explanations import METHODS
from model_src.classes import RESEARCH_USE
from model_src.errors import InvalidRequest

# Fewer steps than the default, so that the test is quick; a method that is not named here keeps its own.
STEPS = {"meaningful_perturbation": 5, "integrated_gradients": 5, "gradient_shap": 4, "feature_ablation": 16}


def picture(answer: dict, field: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer[field])))


def test_the_server_describes_itself_and_its_methods(server):
    described = server.describe(customized="true")
    assert described["modelName"] == "coronet"
    own = described["customizedMetadata"]
    assert own["class_names"] == ["Healthy", "Pneumonia", "COVID-19"]
    assert own["image_size"] == 64
    assert set(own["sha256"]) == {"tfen.pt", "cin.pt", "tfen.pt2", "cin.pt2"}
    assert set(own["methods"]) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_each_method(server, phantom_png, method):
    options = {"steps": STEPS[method]} if method in STEPS else {}
    answer = server.client().explain(phantom_png.read_bytes(), method=method, **options)
    assert answer["method"] == method
    assert answer["target"] == answer["label"]
    assert RESEARCH_USE in answer["warnings"]
    rows = answer["heatmap"]
    assert len(rows) == 28 if method == "meaningful_perturbation" else 1 <= len(rows) <= 64
    assert all(0 <= value <= 1 for row in rows for value in row)
    for name in ("heatmap_png", "overlay_png"):
        assert picture(answer, name).size[0] == 96
        assert picture(answer, name).mode in ("L", "P", "RGB")  # 8 bits each
    assert picture(answer, "residual_png").format == "PNG"
    assert all(0 <= answer["target_probability"][when] <= 1 for when in ("original", "perturbed"))
    assert all(0 <= answer["faithfulness"][score] <= 1 for score in ("deletion", "insertion"))


def test_the_target_is_as_asked_and_the_same_request_has_the_same_answer(server, phantom_png):
    def ask() -> dict:
        return server.client().explain(
            phantom_png.read_bytes(), method="meaningful_perturbation", target="Pneumonia", steps=4, seed=3
        )

    first = ask()
    assert first["target"] == "Pneumonia"
    assert first["target_probability"]["original"] == pytest.approx(first["probabilities"]["Pneumonia"], abs=1e-5)
    assert ask() == first


def test_preservation_keeps_instead_of_removing(server, phantom_png):
    answer = server.client().explain(phantom_png.read_bytes(), objective="preservation", steps=4)
    assert answer["sign"].startswith("1 = kept")
    assert answer["details"]["objective"] == "preservation"


def test_a_time_budget_ends_a_long_descent_with_a_warning(server, phantom_png):
    # 64 pixels: 8000 steps would take minutes
    fields = {"steps": 1000, "seeds": 8, "time_budget": 0.5, "area": 0, "tv": 0, "lr": 0.001}
    answer = server.client().explain(phantom_png.read_bytes(), **fields)
    assert any(text.startswith("time_budget of 0.5 s reached") for text in answer["warnings"])
    assert 1 <= answer["steps"] < 8000


def test_what_cannot_be_done_in_the_servers_time_is_refused_with_what_can(server, phantom_png):
    with pytest.raises(InvalidRequest, match=r"^steps: 500 steps of integrated_gradients .* ask for at most \d+$"):
        server.client().explain(
            phantom_png.read_bytes(), method="integrated_gradients", steps=500, smooth_samples=64, score_steps=64
        )


def test_a_constant_image_is_answered_with_a_warning(server):
    stream = io.BytesIO()
    Image.new("L", (96, 96), 128).save(stream, "PNG")
    answer = server.client().explain(stream.getvalue(), method="saliency")
    assert "the image is constant: there is nothing to point at" in answer["warnings"]


def test_png_answers_are_the_overlay(post, server, phantom_png):
    image = phantom_png.read_bytes()
    fields = {"method": "saliency", "format": "png"}
    response = post("/explanations/coronet", data=fields, files={"data": image})
    assert response.headers["content-type"] == "image/png"
    answer = server.client().explain(image, method="saliency")
    assert response.content == base64.b64decode(answer["overlay_png"])
