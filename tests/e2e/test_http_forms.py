"""What people send in other ways than the documents say, and the addresses that TorchServe has beside ours."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
import requests

from client.http import CoroNetClient
from handlers.server_files import ServerFiles
from model_src.errors import ImageTooLarge, Overloaded

QUICK = {"method": "saliency", "score_steps": "4"}
PREDICT, EXPLAIN = "/predictions/coronet", "/explanations/coronet-explain"


@pytest.fixture
def image(phantom_png) -> bytes:
    return phantom_png.read_bytes()


@pytest.fixture
def known(post, image) -> bytes:
    """The server's answer to the image, sent as the documents say."""
    return post(PREDICT, data=image).content


def test_packed_marked_and_framed_bodies_are_read(post, image, known):
    text = base64.b64encode(image).decode()
    document = json.dumps({"data": text})
    certificate = f"-----BEGIN CERTIFICATE-----\r\n{text}\r\n-----END CERTIFICATE-----\r\n"
    as_json, as_form = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
    packed = {"Content-Encoding": "gzip"}
    sent = [
        post(PREDICT, data=gzip.compress(image), headers=packed),
        post(PREDICT, data=gzip.compress(document.encode()), headers={**as_json, **packed}),
        post(PREDICT, data=b"\xef\xbb\xbf" + document.encode(), headers=as_json),
        post(PREDICT, data=document.encode("utf-16")),
        post(PREDICT, data=certificate),
        post(PREDICT, data=f"data={text}", headers=as_form),  # every + arrives as a space
    ]
    assert "+" in text
    assert [response.content for response in sent] == [known] * len(sent)


def test_two_files_in_one_field_are_refused(post, image):
    padded = image + bytes(20_000)
    one = post(PREDICT, files={"data": padded})
    two = post(PREDICT, files=[("data", padded), ("data", padded)])
    assert one.status_code == 200
    assert (two.status_code, two.json()["type"]) == (400, "InvalidRequest")
    assert "a field was sent more than once" in two.json()["message"]


def test_options_in_the_query_string_do_not_arrive(post, image):
    """TorchServe hands no query string on, so that nobody can refuse it; the documents say so."""
    response = post(f"{EXPLAIN}?method=saliency", files={"data": image}, data={"steps": "2", "score_steps": "4"})
    assert response.json()["method"] == "meaningful_perturbation"


def test_curls_data_binary(post, image):
    """It declares the image to be a form, whose fields are names: the image is gone before a worker sees it."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    without = image.translate(bytes.maketrans(b"%&=", b"___"))
    ours = post(PREDICT, data=without, headers=form)
    assert (ours.status_code, "curl -T FILE (not --data-binary)" in ours.json()["message"]) == (400, True)
    # Only where a % that begins no escape stands in what a form takes for a value.
    theirs = post(PREDICT, data=without + b"=%zz&", headers=form)
    assert (theirs.status_code, theirs.json()["type"]) == (500, "ErrorDataDecoderException")


def test_kserve_addresses(post, image, known):
    instances = {"instances": [{"data": base64.b64encode(image).decode(), **QUICK}]}
    plain = {"instances": [{"data": instances["instances"][0]["data"]}]}
    assert post("/v1/models/coronet:predict", json=plain).json() == {"predictions": [json.loads(known)]}
    (explained,) = post("/v1/models/coronet-explain:explain", json=instances).json()["predictions"]
    assert explained["method"] == "saliency"
    assert post("/v2/models/coronet/infer", json={"inputs": []}).status_code == 400
    assert requests.post(post_url(post) + "/v1/models/coronet:predict", json=plain, timeout=60).status_code == 400


def post_url(post) -> str:
    """The server's address, from a response of its."""
    return post(PREDICT).url.removesuffix(PREDICT)


def test_browsers_of_other_origins_are_not_let_in(server, post):
    origin = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
    asked = requests.options(server.url + PREDICT, headers=origin, timeout=60)
    described = requests.options(server.url + "/", headers=origin, timeout=60)
    assert (asked.status_code, asked.json()["type"]) == (400, "InvalidKeyException")
    assert (described.status_code, described.json()["openapi"]) == (200, "3.0.1")  # TorchServe's own page, for anybody
    for response in (asked, described, post(PREDICT, headers=origin)):
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


def test_a_request_over_the_limit(server):
    with pytest.raises(ImageTooLarge, match="the request has 36000000 bytes"):
        CoroNetClient(server.url, server.token).predict(bytes(36_000_000))


def test_an_explanation_whose_caller_has_gone_is_not_computed(server, post, image):
    """The word goes to a worker for predictions, and from there to the one that explains."""
    name = "0123456789abcdef" * 2
    CoroNetClient(server.url, server.token).abandon(name)
    abandoned, other = (
        post(EXPLAIN, headers={"X-CoroNet-Request": each}, files={"data": image}, data=QUICK)
        for each in (name, name[::-1])
    )
    assert (abandoned.status_code, abandoned.json()["type"]) == (503, "Overloaded")
    assert "nobody waits for this explanation any more" in abandoned.json()["message"]
    assert other.status_code == 200


def test_a_caller_that_gives_up_says_so(server, image):
    client = CoroNetClient(server.url, server.token, timeout=0.3)
    with pytest.raises(Overloaded, match=r"within 0\.3 s"):
        client.explain(image, method="meaningful_perturbation", steps=300)
    (files,) = ServerFiles.found_in(server.temporary)
    assert list(files.directory.glob("abandoned-*"))
