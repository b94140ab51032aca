"""Every question of the conformance suite: a name, a request, and what is expected of any front.

`expected` is "STATUS" of a good answer, or "STATUS TYPE" of an error; where fronts differ, docs/reference/fronts.md has
a row of that name with what each of them does.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

PREDICT, EXPLAIN, BESIDE = "/predictions/coronet", "/explanations/coronet-explain", "/explanations/coronet"
QUICK = {"method": "saliency", "score_steps": "4"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LARGEST = 33_554_432  # max_request_size in config.properties


@dataclass(frozen=True)
class Inputs:
    """Files that are sent."""

    image: bytes  # a PNG
    other: bytes  # another one, of another class
    film: bytes  # a DICOM film that names its study

    @property
    def text(self) -> str:
        """The image as base64."""
        return base64.b64encode(self.image).decode()


@dataclass(frozen=True)
class Asked:
    """One question."""

    name: str
    expected: str
    path: str
    arguments: Callable[[Inputs], dict[str, Any]]  # of requests.request
    method: str = "POST"
    token: str | None = "right"  # "right", "management", or the header's own value; None: no header
    same_as: str | None = None  # the answer is that of the question of this name, to the byte
    check: Callable[[requests.Response], bool] = field(default=lambda response: True)


def _list(*images: bytes, **fields: Any) -> dict[str, Any]:
    return {"instances": [{"data": base64.b64encode(each).decode()} for each in images], **fields}


def tensor(*texts: str, **more: Any) -> dict[str, Any]:
    """A request of the Open Inference Protocol."""
    return {"inputs": [{"name": "image", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}], **more}


def _outputs(response: requests.Response) -> Mapping[str, Any]:
    return {each["name"]: each for each in response.json()["outputs"]}


def _certificate(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\r\n{text}\r\n-----END CERTIFICATE-----\r\n"


def _of_two(response: requests.Response) -> bool:
    first, second = (each["probabilities"] for each in response.json()["predictions"])
    return bool(first != second)


def _deep(levels: int) -> bytes:
    return b'{"data": ' + b"[" * levels + b"]" * levels + b"}"


WAYS = (
    Asked("raw body", "200", PREDICT, lambda i: {"data": i.image}),
    *(
        Asked(name, "200", PREDICT, arguments, same_as="raw body")
        for name, arguments in {
            "a form of parts": lambda i: {"files": {"data": ("x.png", i.image, "image/png")}},
            "a form whose part says nothing": lambda i: {"files": {"data": i.image}},
            "JSON": lambda i: {"json": {"data": i.text}},
            "JSON without its content type": lambda i: {"data": json.dumps({"data": i.text})},
            "JSON in a part of a form": lambda i: {
                "files": {"data": ("x", json.dumps({"data": i.text}), "application/json")}
            },
            "base64 text": lambda i: {"data": i.text, "headers": {"Content-Type": "text/plain"}},
            "base64 in a web form": lambda i: {"data": f"data={i.text}", "headers": FORM},
            "a data URL": lambda i: {"json": {"data": "data:image/png;base64," + i.text}},
            "certutil's lines": lambda i: {"data": _certificate(i.text)},
            "packed": lambda i: {"data": gzip.compress(i.image), "headers": {"Content-Encoding": "gzip"}},
            "packed JSON": lambda i: {
                "data": gzip.compress(json.dumps({"data": i.text}).encode()),
                "headers": {**JSON, "Content-Encoding": "gzip"},
            },
            "JSON with a mark": lambda i: {"data": b"\xef\xbb\xbf" + json.dumps({"data": i.text}).encode()},
            "JSON in UTF-16": lambda i: {"data": json.dumps({"data": i.text}).encode("utf-16"), "headers": JSON},
            "chunked": lambda i: {"data": iter([i.image[:100], i.image[100:]])},
        }.items()
    ),
    Asked("its version named", "200", f"{PREDICT}/1.0", lambda i: {"data": i.image}, same_as="raw body"),
    Asked("a list", "200", PREDICT, lambda i: {"json": _list(i.image, i.other)}, check=_of_two),
    Asked(
        "KServe v1 predict",
        "200",
        "/v1/models/coronet:predict",
        lambda i: {"json": _list(i.image, i.other)},
        same_as="a list",
    ),
    Asked("a film as DICOM", "200", PREDICT, lambda i: {"data": i.film}),
    Asked(
        "DICOM objects",
        "200",
        PREDICT,
        lambda i: {"data": i.film, "headers": {"Accept": 'multipart/related; type="application/dicom"'}},
        check=lambda r: r.headers["Content-Type"].startswith("multipart/related") and b"DICM" in r.content,
    ),
)

EXPLANATIONS = (
    Asked(
        "an explanation",
        "200",
        EXPLAIN,
        lambda i: {"files": {"data": i.image}, "data": QUICK},
        check=lambda r: r.json()["method"] == "saliency" and r.json()["model"] == "coronet",
    ),
    Asked("by JSON", "200", EXPLAIN, lambda i: {"json": {"data": i.text, **QUICK}}, same_as="an explanation"),
    Asked("beside predictions", "200", BESIDE, lambda i: {"json": {"data": i.text, **QUICK}}, same_as="an explanation"),
    Asked(
        "as a picture",
        "200",
        EXPLAIN,
        lambda i: {"files": {"data": i.image}, "data": {**QUICK, "format": "png"}},
        check=lambda r: r.headers["Content-Type"] == "image/png" and r.content[:4] == b"\x89PNG",
    ),
    Asked(
        "as a picture by its header",
        "200",
        EXPLAIN,
        lambda i: {"files": {"data": i.image}, "data": QUICK, "headers": {"Accept": "image/png"}},
        same_as="as a picture",
    ),
    Asked(
        "a list with options of each",
        "200",
        EXPLAIN,
        lambda i: {"json": {"instances": [{"data": i.text, "target": 0}, {"data": i.text, "target": 2}], **QUICK}},
        check=lambda r: [each["target"] for each in r.json()["predictions"]] == ["Healthy", "COVID-19"],
    ),
    Asked(
        "KServe v1 explain", "200", "/v1/models/coronet-explain:explain", lambda i: {"json": _list(i.image, **QUICK)}
    ),
    Asked(
        "options in the query string are not read",
        "200",
        f"{EXPLAIN}?method=grad_cam",
        lambda i: {"files": {"data": i.image}, "data": QUICK},
        check=lambda r: r.json()["method"] == "saliency",
    ),
)

ERRORS = (
    Asked("no image", "400 InvalidImage", PREDICT, lambda i: {"data": b"\x00junk"}),
    Asked("cut short", "400 InvalidImage", PREDICT, lambda i: {"data": i.image[:60]}),
    Asked("nothing", "400 InvalidImage", PREDICT, lambda i: {"data": b""}),
    Asked("a PDF", "415 UnsupportedImage", PREDICT, lambda i: {"data": b"%PDF-1.7 x"}),
    Asked("no field data", "400 InvalidRequest", PREDICT, lambda i: {"json": {"image": i.text}}),
    Asked("data and instances", "400 InvalidRequest", PREDICT, lambda i: {"json": {**_list(i.image), "data": i.text}}),
    Asked("a JSON list", "400 InvalidRequest", PREDICT, lambda i: {"json": [i.text]}),
    Asked("broken JSON", "400 InvalidRequest", PREDICT, lambda i: {"data": b'{"data": ', "headers": JSON}),
    Asked(
        "JSON of a thousand levels", "400 InvalidRequest", PREDICT, lambda i: {"data": _deep(100_000), "headers": JSON}
    ),
    Asked(
        "half a letter",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"data": b'{"data": "", "\\ud800": 1}', "headers": JSON},
    ),
    Asked(
        "one bad image of a list",
        "400 InvalidImage",
        PREDICT,
        lambda i: {"json": _list(i.image, b"\x00junk")},
        check=lambda r: "instances[1]" in r.json()["message"],
    ),
    Asked("65 images", "400 InvalidRequest", PREDICT, lambda i: {"json": _list(*[i.image] * 65)}),
    Asked(
        "an option of a prediction",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"json": {"data": i.text, "method": "saliency"}},
    ),
    Asked("an unknown option", "400 InvalidRequest", EXPLAIN, lambda i: {"json": {"data": i.text, "colour": "red"}}),
    Asked("an unknown method", "400 InvalidRequest", EXPLAIN, lambda i: {"json": {"data": i.text, "method": "guess"}}),
    Asked("an unknown class", "400 InvalidRequest", EXPLAIN, lambda i: {"json": {"data": i.text, "target": "Flu"}}),
    Asked("an unknown format", "400 InvalidRequest", EXPLAIN, lambda i: {"json": {"data": i.text, "format": "gif"}}),
    Asked(
        "another packing",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"data": i.image, "headers": {"Content-Encoding": "br"}},
    ),
    Asked(
        "DICOM of a PNG",
        "406 NotAcceptable",
        PREDICT,
        lambda i: {"data": i.image, "headers": {"Accept": "application/dicom"}},
    ),
    Asked(
        "an image sent as a form",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"data": b"\x89PNG\r\n\x1a\n", "headers": FORM},
    ),
    Asked("a % in a form", "400 InvalidRequest", PREDICT, lambda i: {"data": b"\x89PNG=%zz&", "headers": FORM}),
    Asked(
        "a damaged form of parts",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"data": b"--x\r\nnothing", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    ),
    Asked(
        "two files in one field",
        "400 InvalidRequest",
        PREDICT,
        lambda i: {"files": [("data", i.image + bytes(20_000)), ("data", i.image + bytes(20_000))]},
    ),
    Asked("a GET", "400 InvalidImage", PREDICT, lambda i: {}, method="GET"),
    Asked("another model", "404 ModelNotFoundException", "/predictions/resnet", lambda i: {"data": i.image}),
    Asked("another version", "404 ModelVersionNotFoundException", f"{PREDICT}/9.9", lambda i: {"data": i.image}),
    Asked("another address", "404 ResourceNotFoundException", "/elsewhere/x", lambda i: {"data": i.image}),
    Asked("more than 32 MB", "413", PREDICT, lambda i: {"data": bytes(LARGEST + 1)}),
)

TOKENS = (
    Asked("no token", "400 InvalidKeyException", PREDICT, lambda i: {"data": i.image}, token=None),
    Asked("a wrong token", "400 InvalidKeyException", PREDICT, lambda i: {"data": i.image}, token="Bearer wrong"),
    Asked("another scheme", "400 InvalidKeyException", PREDICT, lambda i: {"data": i.image}, token="Basic eDp5"),
    Asked("an empty token", "400 InvalidKeyException", PREDICT, lambda i: {"data": i.image}, token="Bearer "),
    Asked("the management token", "400 InvalidKeyException", PREDICT, lambda i: {"data": i.image}, token="management"),
    Asked("no token, an explanation", "400 InvalidKeyException", EXPLAIN, lambda i: {"data": i.image}, token=None),
    Asked("no token, KServe v1", "400 InvalidKeyException", "/v1/models/coronet:predict", lambda i: {}, token=None),
    Asked("no token, 10 MB", "400 InvalidKeyException", PREDICT, lambda i: {"data": bytes(10_000_000)}, token=None),
    Asked("no token, another address", "400 InvalidKeyException", "/elsewhere", lambda i: {}, token=None),
    Asked("no token, /ping", "400 InvalidKeyException", "/ping", lambda i: {}, method="GET", token=None),
    Asked("/ping", "200", "/ping", lambda i: {}, method="GET", check=lambda r: r.json() == {"status": "Healthy"}),
)

OIP = (
    Asked("v2 live", "200", "/v2/health/live", lambda i: {}, method="GET", token=None),
    Asked("v2 ready", "200", "/v2/health/ready", lambda i: {}, method="GET", token=None),
    Asked("v2 server", "200", "/v2", lambda i: {}, method="GET"),
    Asked("v2 model", "200", "/v2/models/coronet", lambda i: {}, method="GET"),
    Asked("v2 model ready", "200", "/v2/models/coronet/ready", lambda i: {}, method="GET"),
    Asked("v2 model of a version", "200", "/v2/models/coronet/versions/1.0/ready", lambda i: {}, method="GET"),
    Asked(
        "v2 infer",
        "200",
        "/v2/models/coronet/infer",
        lambda i: {"json": tensor(i.text, id="a1")},
        check=lambda r: (
            (r.json()["model_name"], r.json()["model_version"], r.json()["id"]) == ("coronet", "1.0", "a1")
            and _outputs(r)["probabilities"]["shape"] == [1, 3]
        ),
    ),
    Asked(
        "v2 infer, two images",
        "200",
        "/v2/models/coronet/versions/1.0/infer",
        lambda i: {"json": tensor(i.text, i.text)},
        check=lambda r: _outputs(r)["residual"]["shape"] == [2, 2] and len(_outputs(r)["response"]["data"]) == 2,
    ),
    Asked(
        "v2 infer, one output",
        "200",
        "/v2/models/coronet/infer",
        lambda i: {"json": tensor(i.text, outputs=[{"name": "label"}])},
        check=lambda r: list(_outputs(r)) == ["label"],
    ),
    Asked(
        "v2 explain",
        "200",
        "/v2/models/coronet-explain/explain",
        lambda i: {"json": tensor(i.text, parameters={"method": "saliency", "score_steps": 4})},
        check=lambda r: (
            len(_outputs(r)["heatmap"]["shape"]) == 3
            and json.loads(_outputs(r)["response"]["data"][0])["method"] == "saliency"
        ),
    ),
    Asked("v2 infer, no image", "400 InvalidImage", "/v2/models/coronet/infer", lambda i: {"json": tensor("AAAA")}),
    Asked("v2 infer, no tensor", "400 InvalidRequest", "/v2/models/coronet/infer", lambda i: {"json": {"inputs": []}}),
    Asked("v2 infer, no JSON", "400 InvalidRequest", "/v2/models/coronet/infer", lambda i: {"data": b"\x00"}),
    Asked(
        "v2 infer, another shape",
        "400 InvalidRequest",
        "/v2/models/coronet/infer",
        lambda i: {"json": {"inputs": [{**tensor(i.text)["inputs"][0], "shape": [2]}]}},
    ),
    Asked(
        "v2, another model", "404 ModelNotFoundException", "/v2/models/resnet/infer", lambda i: {"json": tensor(i.text)}
    ),
    Asked(
        "v2, no token",
        "400 InvalidKeyException",
        "/v2/models/coronet/infer",
        lambda i: {"json": tensor(i.text)},
        token=None,
    ),
    Asked("OPTIONS", "200", "/", lambda i: {}, method="OPTIONS", token=None),
    Asked("TorchServe's older addresses", "200", "/models/coronet/invoke", lambda i: {"data": i.image}),
)

ALL = (*WAYS, *EXPLANATIONS, *ERRORS, *TOKENS, *OIP)
