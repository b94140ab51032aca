"""Predictions by the real server: who may ask, what can be sent, and what is answered to bad input."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from PIL import Image

from launcher.torchserve_config import read_properties
from model_src.classes import CLASS_NAMES, RESEARCH_USE

PREDICT, EXPLAIN = "/predictions/coronet", "/explanations/coronet"


def huge_png(side: int = 9000) -> bytes:
    """A valid PNG of `side` x `side` pixels (81 megapixels), one bit each."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(b"\0" * ((side + 7) // 8 + 1) * side)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animation() -> bytes:
    frames = [Image.new("L", (32, 32), shade) for shade in (0, 99)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


# name -> (path, arguments of the request, status, type, words of the message)
BAD: dict[str, tuple[str, dict[str, object], int, str, str]] = {
    "text": (PREDICT, {"data": b"a note, not an image"}, 400, "InvalidImage", "found text"),
    "nothing": (PREDICT, {"data": b""}, 400, "InvalidImage", "no bytes"),
    "broken base64": (PREDICT, {"json": {"data": "%%%"}}, 400, "InvalidImage", "base64"),
    "a form": (PREDICT, {"data": {"a": "b"}}, 400, "InvalidRequest", "data"),
    "another field": (PREDICT, {"json": {"image": "AAAA"}}, 400, "InvalidRequest", "data"),
    "PDF": (PREDICT, {"data": b"%PDF-1.7\n1 0 obj\n"}, 415, "UnsupportedImage", "PDF"),
    "animation": (PREDICT, {"data": animation()}, 415, "UnsupportedImage", ""),
    "81 megapixels": (PREDICT, {"data": huge_png()}, 413, "ImageTooLarge", "64"),
    "no such class": (EXPLAIN, {"target": "Flu"}, 400, "InvalidRequest", "target"),
    "no such method": (EXPLAIN, {"method": "guess"}, 400, "InvalidRequest", "saliency"),
    "no such steps": (EXPLAIN, {"steps": "-1"}, 400, "InvalidRequest", "steps"),
}


def bad_request(name: str, image: bytes) -> tuple[str, dict[str, object]]:
    """Path and arguments for a row of BAD; an explanation's fields go with a good image."""
    path, arguments, *_ = BAD[name]
    return path, ({"data": arguments, "files": {"data": image}} if path == EXPLAIN else arguments)


def check_prediction(answer: dict) -> None:
    """The contract's fields, and numbers that can be."""
    assert answer["model"] == "coronet"
    assert answer["model_version"] == "1.0"
    assert tuple(answer["probabilities"]) == CLASS_NAMES
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert all(0 <= value <= 1 for value in answer["residual"].values())
    assert set(answer["residual"]) == {"healthy", "pneumonia"}
    assert RESEARCH_USE in answer["warnings"]


@pytest.mark.parametrize("path", ["/ping", PREDICT, EXPLAIN])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}], ids=["no token", "wrong token"])
def test_without_the_token_nothing_is_answered(server, path, headers):
    response = requests.post(server.url + path, data=b"x", headers=headers, timeout=30)
    assert response.status_code == 400
    assert response.json()["type"] == "InvalidKeyException"


def test_the_four_ways_to_send_an_image_have_the_same_answer(post, phantom_png):
    image = phantom_png.read_bytes()
    text = base64.b64encode(image).decode()
    answers = [
        post(PREDICT, data=image, headers={"Content-Type": "image/png"}).json(),
        post(PREDICT, data=image).json(),
        post(PREDICT, files={"data": image}).json(),
        post(PREDICT, json={"data": text}).json(),
        *post(PREDICT, json={"instances": [{"data": text}, {"data": text}]}).json()["predictions"],
    ]
    check_prediction(answers[0])
    assert answers[0]["image"] == {"format": "PNG", "width": 96, "height": 96}
    assert all(answer == answers[0] for answer in answers)


def test_every_format_of_real_x_rays(server, shared_data):
    kinds = {".dcm": "DICOM", ".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    files = sorted((shared_data / "formats").iterdir())
    assert {path.suffix for path in files} == set(kinds)
    for path in files:
        answer = server.client().predict(path.read_bytes(), path.name)
        check_prediction(answer)
        assert answer["image"]["format"] == kinds[path.suffix]


def test_tiff_of_16_bit(server, phantom_png):
    wide = Image.open(phantom_png).convert("I").point(lambda value: value * 257)
    buffer = io.BytesIO()
    wide.convert("I;16").save(buffer, format="TIFF")
    answer = server.client().predict(buffer.getvalue(), "xray.tiff")
    check_prediction(answer)
    assert answer["image"]["format"] == "TIFF"
    same = server.client().predict(phantom_png.read_bytes())
    assert answer["probabilities"]["Healthy"] == pytest.approx(same["probabilities"]["Healthy"], abs=1e-4)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_answered_with_its_own_status(post, phantom_png, name):
    *_, status, kind, words = BAD[name]
    path, arguments = bad_request(name, phantom_png.read_bytes())
    response = post(path, **arguments)
    body = response.json()
    assert (response.status_code, body["code"], body["type"]) == (status, status, kind)
    assert words in body["message"]
    assert "\n" not in body["message"]


def test_a_request_over_the_limit_is_refused_before_the_model(server, post):
    limit = int(read_properties(server.logs.parent / "config.properties")["max_request_size"])
    assert post(PREDICT, data=b"\0" * (limit + 1)).status_code == 413


def test_24_megabytes_of_base64_pass(post):
    # Noise of 18 MB as a DICOM of a large film has it, here as PNG, which cannot make it smaller.
    noise = Image.effect_noise((4096, 4500), 120)
    buffer = io.BytesIO()
    noise.save(buffer, format="PNG", compress_level=0)
    assert len(buffer.getvalue()) > 18_000_000
    response = post(PREDICT, json={"data": base64.b64encode(buffer.getvalue()).decode()})
    assert response.status_code == 200
    assert response.json()["image"]["width"] == 4096


def test_twenty_concurrent_mixed_requests_get_each_their_own_answer(post, phantom_png):
    image = phantom_png.read_bytes()
    alone = post(PREDICT, data=image).json()
    bad = [name for name in BAD if name != "81 megapixels"][:6]
    jobs: list[tuple[str, str, dict]] = [("prediction", PREDICT, {"data": image})] * 9
    jobs += [("explanation", EXPLAIN, {"data": {"method": "saliency"}, "files": {"data": image}})] * 5
    jobs += [(name, *bad_request(name, image)) for name in bad]
    assert len(jobs) == 20
    jobs = jobs[::3] + jobs[1::3] + jobs[2::3]  # mixed, so that batches are
    with ThreadPoolExecutor(len(jobs)) as pool:
        responses = list(pool.map(lambda job: post(job[1], **job[2]), jobs))
    for (name, *_), response in zip(jobs, responses, strict=True):
        answer = response.json()
        if name == "prediction":
            assert (response.status_code, answer) == (200, alone)
        elif name == "explanation":
            assert (response.status_code, answer["method"]) == (200, "saliency")
            assert answer["probabilities"] == alone["probabilities"]
        else:
            assert (response.status_code, answer["type"]) == (BAD[name][2], BAD[name][3])
