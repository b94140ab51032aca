"""Tensors of the Open Inference Protocol and our JSON, in both directions."""

from __future__ import annotations

import json

import pytest

from fronts.worker import oip


def request(data=("aaaa",), shape=(1,), **more) -> bytes:
    tensor = {"name": "image", "datatype": "BYTES", "shape": list(shape), "data": list(data)}
    return json.dumps({"inputs": [tensor], **more}).encode()


def test_a_tensor_is_a_list_of_images_with_the_parameters_as_fields():
    asked = request(["aaaa", "bbbb"], [2], parameters={"method": "saliency", "steps": 1}, id="7")
    expected = {"instances": [{"data": "aaaa"}, {"data": "bbbb"}], "method": "saliency", "steps": 1}
    assert oip.row(asked) == {"body": expected}
    assert oip.row(request([["aaaa"], ["bbbb"]], [2, 1]))["body"]["instances"] == expected["instances"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (b"\xff", "need a JSON object"),
        (b"[]", "need a JSON object"),
        (b"{}", "need one tensor, image"),
        (json.dumps({"inputs": [1]}).encode(), "need one tensor, image"),
        (request().replace(b"BYTES", b"FP32"), "of datatype BYTES"),
        (request().replace(b'"image"', b'"x"'), "need one tensor, image"),
        (request(shape=[2]), "found 1 elements in data, need 2"),
        (request(shape=[]), "need a shape"),
        (request(shape=[True]), "need a shape"),
        (request(shape=[10**9] * 50), "found 1 elements"),
        (request(data=[1]), "need base64 text"),
        (request(parameters=[1]), "parameters: need an object"),
        (request(outputs=[{"name": "logits"}]), "outputs: need names among label, probabilities"),
        (request(outputs="label"), "outputs: need names among"),
    ],
)
def test_what_is_no_inference_request_is_said(asked, says):
    with pytest.raises(oip.BadTensor, match=says):
        oip.row(asked)


PREDICTION = {
    "model_version": "1.0",
    "label": "Healthy",
    "probabilities": {"Healthy": 0.5, "Pneumonia": 0.3, "COVID-19": 0.2},
    "residual": {"healthy": 0.1, "pneumonia": 0.25},
}


def answer(asked: bytes, *answers: dict, explained: bool = False) -> dict:
    return json.loads(oip.response(asked, json.dumps({"predictions": answers}).encode(), "coronet", explained))


def test_predictions_are_tensors():
    found = answer(request(id="7"), PREDICTION, {**PREDICTION, "label": "COVID-19"})
    assert (found["model_name"], found["model_version"], found["id"]) == ("coronet", "1.0", "7")
    label, probabilities, residual, whole = found["outputs"]
    assert label == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["Healthy", "COVID-19"]}
    assert (probabilities["shape"], probabilities["data"]) == ([2, 3], [0.5, 0.3, 0.2] * 2)
    assert (residual["shape"], residual["data"]) == ([2, 2], [0.1, 0.25] * 2)
    assert json.loads(whole["data"][0]) == PREDICTION


def test_outputs_are_those_asked_for_and_an_id_that_is_no_text_is_left_out():
    found = answer(request(id=7, outputs=[{"name": "residual"}]), PREDICTION)
    assert [each["name"] for each in found["outputs"]] == ["residual"]
    assert "id" not in found


def test_maps_are_a_tensor_where_they_have_one_shape():
    small, large = {**PREDICTION, "heatmap": [[0, 1], [0.5, 0.25]]}, {**PREDICTION, "heatmap": [[1]]}
    tensors = {each["name"]: each for each in answer(request(), small, small, explained=True)["outputs"]}
    assert (tensors["heatmap"]["shape"], tensors["heatmap"]["data"]) == ([2, 2, 2], [0, 1, 0.5, 0.25] * 2)
    names = [each["name"] for each in answer(request(), small, large, explained=True)["outputs"]]
    assert names == ["label", "probabilities", "response"]


def test_an_error_has_the_protocols_field_and_ours():
    body = json.dumps({"code": 400, "type": "InvalidImage", "message": "no"}).encode()
    assert json.loads(oip.error(body)) == {"error": "no", "code": 400, "type": "InvalidImage", "message": "no"}
