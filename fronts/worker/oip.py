"""The Open Inference Protocol v2: its tensors -> the row of a list of images, and the answers' JSON -> its tensors.

The image is a tensor of BYTES: base64 text of the file. Fields of an explanation are the request's `parameters`. The
protocol knows no explanations: `explain` is its request and its response at an address of its own, and is named among
the server's extensions. docs/reference/open-inference-protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

INPUT = "image"
EXTENSION = "explain"

INPUTS = [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}]
OUTPUTS: list[dict[str, Any]] = [
    {"name": "label", "datatype": "BYTES", "shape": [-1]},
    {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
    {"name": "residual", "datatype": "FP32", "shape": [-1, 2]},
    {"name": "response", "datatype": "BYTES", "shape": [-1]},
]


class BadTensor(ValueError):
    """A request that is no inference request for this model; the message says what is needed."""


def row(body: bytes) -> dict[str, object]:
    """An inference request -> the row of `{"instances": [...]}` with the parameters as fields.

    Raises:
        BadTensor: no JSON object, other inputs than one `image` of BYTES, or other outputs than there are.
    """
    asked = _object(body)
    tensor = _input(asked.get("inputs"))
    shape, data = tensor.get("shape"), _flat(tensor.get("data"))
    count = 1
    if not isinstance(shape, list) or not shape or not all(_is_size(each) for each in shape):
        raise BadTensor(f"inputs: {INPUT}: need a shape like [1]")
    for each in shape:
        count *= each
    if len(data) != count:
        raise BadTensor(f"inputs: {INPUT}: found {len(data)} elements in data, need {count} by its shape")
    if not all(isinstance(each, str) for each in data):
        raise BadTensor(f"inputs: {INPUT}: need base64 text of an image file in each element of data")
    _wanted(asked)  # refused before anything is computed
    parameters = asked.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise BadTensor("parameters: need an object")
    return {"body": {"instances": [{"data": each} for each in data], **parameters}}


def response(asked: bytes, body: bytes, model: str, explained: bool) -> bytes:
    """The answer of a list of images -> an inference response, with the outputs that the request names."""
    request = json.loads(asked)
    answers = json.loads(body)["predictions"]
    outputs = _tensors(answers, explained)
    wanted = _wanted(request)
    if wanted:
        outputs = [each for each in outputs if each["name"] in wanted]
    found: dict[str, Any] = {"model_name": model, "model_version": answers[0]["model_version"]}
    if isinstance(request.get("id"), str):
        found["id"] = request["id"]
    return json.dumps({**found, "outputs": outputs}, allow_nan=False, ensure_ascii=False).encode("utf-8")


def error(body: bytes) -> bytes:
    """An error of ours -> the protocol's, which keeps our fields beside its own."""
    found = json.loads(body)
    return json.dumps({"error": found["message"], **found}, ensure_ascii=False).encode("utf-8")


def _tensors(answers: Sequence[Mapping[str, Any]], explained: bool) -> list[dict[str, Any]]:
    count = len(answers)
    found = [
        _tensor("label", "BYTES", [count], [each["label"] for each in answers]),
        _numbers("probabilities", [each["probabilities"].values() for each in answers]),
    ]
    if explained:
        maps = [each["heatmap"] for each in answers]
        if len({(len(each), len(each[0])) for each in maps}) == 1:  # one tensor has one shape
            shape = [count, len(maps[0]), len(maps[0][0])]
            found.append(_tensor("heatmap", "FP32", shape, [x for each in maps for line in each for x in line]))
    else:
        found.append(_numbers("residual", [each["residual"].values() for each in answers]))
    texts = [json.dumps(each, allow_nan=False, ensure_ascii=False) for each in answers]
    return [*found, _tensor("response", "BYTES", [count], texts)]


def _numbers(name: str, rows: Sequence[Iterable[float]]) -> dict[str, Any]:
    data = [list(each) for each in rows]
    return _tensor(name, "FP32", [len(data), len(data[0])], [x for each in data for x in each])


def _tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadTensor("need a JSON object with inputs; binary tensors are not taken") from None
    if not isinstance(found, dict):
        raise BadTensor("need a JSON object with inputs")
    return found


def _input(inputs: object) -> Mapping[str, Any]:
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], Mapping):
        raise BadTensor(f"inputs: need one tensor, {INPUT}")
    (tensor,) = inputs
    if tensor.get("name") != INPUT or tensor.get("datatype") != "BYTES":
        raise BadTensor(f"inputs: need one tensor, {INPUT}, of datatype BYTES")
    return tensor


def _wanted(asked: Mapping[str, Any]) -> set[str]:
    """The names of the outputs that a request asks for; none: all of them."""
    outputs = asked.get("outputs") or []
    known = [*(each["name"] for each in OUTPUTS), "heatmap"]
    if not isinstance(outputs, list) or not all(isinstance(o, Mapping) and o.get("name") in known for o in outputs):
        raise BadTensor(f"outputs: need names among {', '.join(known)}")
    return {str(each["name"]) for each in outputs}


def _flat(data: object) -> list[Any]:
    if not isinstance(data, list):
        return []
    return [x for each in data for x in (_flat(each) if isinstance(each, list) else [each])]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
