"""Explanations by the real server: every method it offers, and the contract's fields."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from model_src.classes import RESEARCH_USE

METHODS = ("meaningful_perturbation", "integrated_gradients", "saliency", "grad_cam", "occlusion")
STEPS = {"meaningful_perturbation": 5, "integrated_gradients": 5}


def test_the_server_describes_itself_and_its_methods(server):
    described = server.describe(customized="true")
    assert described["modelName"] == "coronet"
    own = described["customizedMetadata"]
    assert own["class_names"] == ["Healthy", "Pneumonia", "COVID-19"]
    assert own["image_size"] == 64
    assert set(own["sha256"]) == {"tfen.pt", "cin.pt"}
    assert set(own["methods"]) >= set(METHODS)


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
        picture = Image.open(io.BytesIO(base64.b64decode(answer[name])))
        assert picture.size[0] == 96
        assert picture.mode in ("L", "P", "RGB")  # 8 bits each
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


def test_png_answers_are_the_overlay(post, server, phantom_png):
    image = phantom_png.read_bytes()
    fields = {"method": "saliency", "format": "png"}
    response = post("/explanations/coronet", data=fields, files={"data": image})
    assert response.headers["content-type"] == "image/png"
    answer = server.client().explain(image, method="saliency")
    assert response.content == base64.b64decode(answer["overlay_png"])
