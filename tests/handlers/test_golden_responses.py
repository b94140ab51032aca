"""What the handler has always answered, to the byte: requests to the hand-set model, beside responses on record.

`CORONET_RECORD=1 python -m pytest tests/handlers/test_golden_responses.py` records them anew: only for a change of the
responses that is wanted, and then the difference belongs into the commit's message.

Pictures are told by width, height and a digest of their pixels. The last digits of a number depend on the processor's
vector instructions: on another kind of processor than the one on record, text and order are compared to the byte,
numbers within a tolerance, and pictures by their size.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explanations.time_limit import Pace
from handlers.coronet_handler import CoroNetHandler
from model_src.artefacts import read_info, write_artefacts
from model_src.weight_files import weight_files
from tests.fixtures.hand_set_model import FakeContext, hand_set_network

RECORD = Path(__file__).parent / "golden" / "responses.json"
RECORDING = os.environ.get("CORONET_RECORD") == "1"
TOLERANCE = 0.02  # bfloat16, where a processor has it, moves a mask's cells by as much

PREDICT, EXPLAIN = {"explain": "False"}, {"explain": "True"}
FEW = {"score_steps": "4"}
METHODS: dict[str, dict[str, str]] = {
    "meaningful_perturbation": {"steps": "3"},
    "integrated_gradients": {"steps": "4", "grid": "7"},
    "saliency": {"steps": "2", "grid": "7"},
    "gradient_shap": {"steps": "5", "grid": "7"},
    "grad_cam": {"steps": "2"},
    "occlusion": {"steps": "9"},
    "feature_ablation": {"steps": "16", "tiles": "grid"},
}


def requests(black: bytes, white: bytes, chest: bytes) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Name -> (row, headers) of every request on record; each is a batch of its own."""
    text = {name: base64.b64encode(image).decode() for name, image in (("black", black), ("white", white))}
    pair = [{"data": text["black"]}, {"data": text["white"]}]
    chests = [{"data": base64.b64encode(chest).decode()}, {"data": text["white"], "target": "COVID-19"}]
    found: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "prediction of black": ({"body": bytearray(black)}, PREDICT),
        "prediction of white": ({"body": bytearray(white)}, PREDICT),
        "prediction of a chest": ({"data": bytearray(chest)}, PREDICT),
        "list of predictions": ({"body": {"instances": pair}}, PREDICT),
        "no image": ({}, PREDICT),
        "a web form": ({"{}": b""}, {**PREDICT, "content-type": "application/x-www-form-urlencoded"}),
        "junk": ({"body": bytearray(b"\x00junk")}, PREDICT),
        "a cut PNG": ({"body": bytearray(black[:50])}, PREDICT),
        "a PDF": ({"body": bytearray(b"%PDF-1.7 ...")}, PREDICT),
        "a PDF in a list": (
            {"body": {"instances": [pair[0], {"data": base64.b64encode(b"%PDF-1").decode()}]}},
            PREDICT,
        ),
        "too many megapixels": ({"body": {"instances": pair * 4}}, PREDICT),
        "too large an answer": ({"body": {"instances": pair * 3}}, PREDICT),
        "an unknown method": ({"data": chest, "method": b"magic"}, EXPLAIN),
        "an unknown field": ({"data": chest, "colour": b"red"}, EXPLAIN),
        "a field of an explanation": ({"data": chest, "method": b"saliency"}, PREDICT),
        "a picture in a list": ({"body": {"instances": pair, "format": "png"}}, EXPLAIN),
        "too long an explanation": (
            {"data": chest, "method": b"integrated_gradients", "steps": b"500", "smooth_samples": b"4", **_form(FEW)},
            EXPLAIN,
        ),
        "a picture": ({"data": chest, "method": b"saliency", "format": b"png", **_form(FEW)}, EXPLAIN),
        "list of explanations": ({"body": {"instances": chests, "method": "saliency", "grid": 4, **FEW}}, EXPLAIN),
        "list explained by masks": ({"body": {"instances": chests, "steps": 3, **FEW}}, EXPLAIN),
        "a class that is not there": ({"data": chest, "method": b"grad_cam", "target": b"2", **_form(FEW)}, EXPLAIN),
        "an even image explained": ({"data": white, "method": b"saliency", "grid": b"4", **_form(FEW)}, EXPLAIN),
    }
    for method, options in METHODS.items():
        row = {"data": chest, "method": method.encode(), **_form({**FEW, **options})}
        found[f"explanation by {method}"] = (row, EXPLAIN)
        if method != "meaningful_perturbation":  # its mask for a class that is not there is rounding alone
            found[f"explanation of Pneumonia by {method}"] = ({**row, "target": b"Pneumonia", "seed": b"3"}, EXPLAIN)
    row = {"data": chest, "objective": b"preservation", "init": b"circular", "steps": b"3", **_form(FEW)}
    found["what is enough to keep"] = (row, EXPLAIN)
    return found


def _form(fields: dict[str, str]) -> dict[str, bytes]:
    return {name: value.encode() for name, value in fields.items()}


@pytest.fixture(scope="module")
def responses(hand_set_dir, make_png, chest_png, tmp_path_factory) -> dict[str, Any]:
    """Every response of today."""
    threads, show = torch.get_num_threads(), warnings.showwarning
    try:
        handler = _loaded(
            FakeContext(hand_set_dir, config={"handler": {"max_pixels": 12_000, "max_answer_bytes": 200_000}})
        )
        small = _loaded(FakeContext(hand_set_dir, config={"handler": {"max_answer_bytes": 1000, "explain_seconds": 1}}))
        broken = _loaded(FakeContext(_not_a_number(hand_set_dir, tmp_path_factory.mktemp("broken") / "nan")))
        # Which steps would fit depends on the machine's pace, and so does the message.
        small.predictor.pace = Pace(forward=0.01, gradient=0.04, mask_step=0.02)
        asked = requests(make_png(0), make_png(255), chest_png)
        found = {}
        for name, (row, headers) in asked.items():
            chosen = small if name in ("too large an answer", "too long an explanation") else handler
            found[name] = _told(chosen, headers, row)
        found["not a number"] = _told(broken, PREDICT, asked["prediction of black"][0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handler.predictor.engine, "classify", _no_memory)
            found["out of memory"] = _told(handler, PREDICT, asked["prediction of black"][0])
        files = handler.membership.files
        files.announce_explanations()
        found["explanations are elsewhere"] = _told(handler, EXPLAIN, asked["a picture"][0])
        files.stop_working()
        found["the server is stopping"] = _told(handler, PREDICT, asked["prediction of black"][0])
        for name in ("explanations", "stopping"):
            (files.directory / name).unlink()
        return found
    finally:
        torch.set_num_threads(threads)
        warnings.showwarning = show


def _loaded(context: Any) -> CoroNetHandler:
    handler = CoroNetHandler()
    handler.initialize(context)
    torch.set_num_threads(1)
    return handler


def _not_a_number(source: Path, directory: Path) -> Path:
    """The hand-set artefacts with a classifier that gives no numbers."""
    network = hand_set_network()
    torch.nn.init.constant_(network.cin.get_parameter("fc.bias"), float("nan"))
    write_artefacts(weight_files(network), read_info(source), directory)
    return directory


def _no_memory(*_: object) -> None:
    raise MemoryError


def _told(handler: CoroNetHandler, headers: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    """Status, type, headers and body of a response, its pictures in words."""
    context = FakeContext(Path(), [headers])
    (body,) = handler.handle([row], context)
    kind = context.content_types[0]
    if kind == "image/png":
        text = _picture(body)
    else:
        text = re.sub(
            r'(_png": )"([^"]*)"',
            lambda found: f'{found[1]}"{_picture(base64.b64decode(found[2]))}"',
            body.decode("utf-8"),
        )
    return {
        "status": [context.statuses[0], context.phrases[0]],
        "type": kind,
        "headers": context.answer_headers.get(0, {}),
        "body": text,
    }


def _picture(png: bytes) -> str:
    """Size and digest of a picture."""
    image = Image.open(io.BytesIO(png))
    palette = bytes(image.getpalette() or [])
    digest = hashlib.sha256(image.mode.encode() + palette + image.tobytes()).hexdigest()
    return f"{image.width}x{image.height} {digest[:16]}"


def _machine() -> str:
    """What the last digits depend on."""
    found = torch.cpu.get_capabilities()
    vectors = sorted(name for name, there in found.items() if there is True and name.startswith(("avx", "amx", "bf16")))
    return f"{found.get('architecture')}, torch {torch.__version__}, {' '.join(vectors)}"


def test_responses_are_those_on_record(responses):
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    if RECORDING:
        record = {"machine": _machine(), "responses": responses}
        RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    recorded = record["responses"]
    assert list(responses) == list(recorded)
    for name, response in responses.items():
        if record["machine"] == _machine():
            assert response == recorded[name], name
        else:
            assert_alike(response, recorded[name], name)


def assert_alike(response: dict[str, Any], recorded: dict[str, Any], name: str) -> None:
    """The same but for the digits of fractions and the pixels of pictures."""
    assert {**response, "body": ""} == {**recorded, "body": ""}, name
    fraction, pixels = r"\d+\.\d+(?:e-\d+)?|\b[01]\b", r"(\d+x\d+) [0-9a-f]{16}"
    texts = [re.sub(pixels, r"\1", each["body"]) for each in (response, recorded)]
    assert re.sub(fraction, "#", texts[0]) == re.sub(fraction, "#", texts[1]), name
    numbers = [np.array([float(found) for found in re.findall(fraction, text)]) for text in texts]
    assert np.abs(numbers[0] - numbers[1]).max(initial=0) <= TOLERANCE, name


def test_another_processor_may_differ_in_digits_and_in_nothing_else():
    recorded = {"status": 200, "body": '{"a": 0.5, "b_png": "40x40 0123456789abcdef"}'}
    assert_alike({"status": 200, "body": '{"a": 0.501, "b_png": "40x40 ffffffffffffffff"}'}, recorded, "x")
    for body in (
        '{"a": 0.6, "b_png": "40x40 0123456789abcdef"}',
        '{"a": 0.5, "b_png": "41x40 0123456789abcdef"}',
        '{"b_png": "40x40 0123456789abcdef", "a": 0.5}',
    ):
        with pytest.raises(AssertionError):
            assert_alike({"status": 200, "body": body}, recorded, "x")


def test_every_type_of_error_is_on_record(responses):
    found = {json.loads(each["body"]).get("type") for each in responses.values() if each["type"] == "application/json"}
    assert found >= {
        "InvalidImage", "InvalidRequest", "ImageTooLarge", "UnsupportedImage", "InternalError", "Overloaded",
        "OutOfMemory", "ExplanationsElsewhere",
    }  # fmt: skip
