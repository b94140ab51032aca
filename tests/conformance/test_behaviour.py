"""What takes more than one question: mixed traffic, callers that go, workers that die, descriptions and figures."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from client.http import CoroNetClient, gray_png
from client.size_check import refuses
from handlers.server_files import ServerFiles
from launcher.torchserve_config import read_properties
from model_src.errors import ImageTooLarge, Overloaded
from model_src.model_names import EXPLAIN_MODEL
from tests.conformance.asked import BESIDE, EXPLAIN, PREDICT, QUICK

RECOVERY_SECONDS = 120


@pytest.fixture
def post(front):
    """post(path, **arguments) -> response, with the token."""
    _, server = front

    def send(path: str, headers: dict[str, str] | None = None, **arguments) -> requests.Response:
        token = {"Authorization": f"Bearer {server.token.read()}"}
        return requests.post(server.url + path, headers={**token, **(headers or {})}, timeout=120, **arguments)

    return send


def test_bad_requests_among_good_ones_harm_none(post, inputs):
    text = base64.b64encode(inputs.image).decode()
    good = post(PREDICT, data=inputs.image).content
    explained = post(EXPLAIN, json={"data": text, **QUICK}).content
    questions = [
        (PREDICT, {"data": inputs.image}, 200, good),
        (PREDICT, {"data": b"\x00junk"}, 400, None),
        (EXPLAIN, {"json": {"data": text, **QUICK}}, 200, explained),
        (PREDICT, {"data": b'{"data": ', "headers": {"Content-Type": "application/json"}}, 400, None),
        (BESIDE, {"json": {"data": text, "method": "guess"}}, 400, None),
        (PREDICT, {"data": b"%PDF-1.7"}, 415, None),
    ]

    def ask(number: int) -> bool:
        path, arguments, status, body = questions[number % len(questions)]
        response = post(path, **arguments)
        return response.status_code == status and body in (None, response.content)

    with ThreadPoolExecutor(8) as crowd:
        assert list(crowd.map(ask, range(48))) == [True] * 48


def test_an_explanation_that_takes_too_long_beside_predictions_is_sent_on(front, post, inputs):
    _, server = front
    pace = server.describe(customized="true")["customizedMetadata"]["pace_seconds"]["mask_step"]
    images = [{"data": base64.b64encode(inputs.image).decode()}] * 20
    steps = max(2, round(200 / 20 / pace))  # 200 s in all, of 60 here and 600 there
    body = {"instances": images, "method": "meaningful_perturbation", "steps": min(steps, 1000), "score_steps": 4}
    response = post(BESIDE, json=body, allow_redirects=False)
    assert (response.status_code, response.json()["type"]) == (307, "ExplanationsElsewhere")
    assert response.headers["Location"] == EXPLAIN


def test_who_is_named_as_gone_is_not_answered(front, post, inputs):
    _, server = front
    name = "0123456789abcdef" * 2
    CoroNetClient(server.url, server.token).abandon(name)
    abandoned, other = (
        post(EXPLAIN, headers={"X-CoroNet-Request": each}, files={"data": inputs.image}, data=QUICK)
        for each in (name, name[::-1])
    )
    assert (abandoned.status_code, abandoned.json()["type"], other.status_code) == (503, "Overloaded", 200)


def test_a_caller_that_goes_without_a_word(front, inputs):
    """Ray Serve's front tells the worker; TorchServe does not notice (docs/reference/fronts.md)."""
    name, server = front
    (files,) = ServerFiles.found_in(server.temporary)
    before = set(files.directory.glob("abandoned-*"))
    token = {"Authorization": f"Bearer {server.token.read()}"}
    fields = {"method": "meaningful_perturbation", "steps": "1000"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(server.url + EXPLAIN, headers=token, files={"data": inputs.image}, data=fields, timeout=(5, 0.5))
    deadline = time.monotonic() + 10
    while not (told := set(files.directory.glob("abandoned-*")) - before) and time.monotonic() < deadline:
        time.sleep(0.1)
        if name == "torchserve" and time.monotonic() > deadline - 8:
            break
    assert bool(told) is (name == "ray")


def test_a_client_that_loses_patience_says_so(front, inputs):
    _, server = front
    with pytest.raises(Overloaded, match=r"within 0\.3 s"):
        CoroNetClient(server.url, server.token, timeout=0.3).explain(inputs.image, steps=300)


def test_a_request_over_the_limit_is_refused_before_it_is_sent(front):
    _, server = front
    headers = {"Authorization": f"Bearer {server.token.read()}"}
    assert refuses(server.url, PREDICT, 36_000_000, headers)
    assert not refuses(server.url, PREDICT, 1_000, headers)
    with pytest.raises(ImageTooLarge, match="the request has 36000000 bytes"):
        CoroNetClient(server.url, server.token).predict(bytes(36_000_000))


def test_what_management_tells(front):
    _, server = front
    model, explainers = server.describe(customized="true"), server.describe(EXPLAIN_MODEL)
    assert (model["modelName"], model["modelVersion"]) == ("coronet", "1.0")
    assert [worker["status"] for worker in model["workers"]] == ["READY", "READY"]
    assert [worker["status"] for worker in explainers["workers"]] == ["READY"]
    own = model["customizedMetadata"]
    assert (own["class_names"], own["image_size"], own["threads"]) == (["Healthy", "Pneumonia", "COVID-19"], 64, 1)
    assert server.describe("resnet") == {}


def test_figures_have_the_same_names_and_labels(front, post, inputs):
    name, server = front
    label = post(PREDICT, data=inputs.image).json()["label"]
    post(EXPLAIN, files={"data": inputs.image}, data=QUICK)
    post(PREDICT, data=b"junk")
    page = requests.get(f"{metrics_address(server)}/metrics", timeout=30).text
    types = dict(re.findall(r"^# TYPE (CoroNet\w+) (\w+)$", page, flags=re.M))
    more = {"CoroNetRequestsInHand": "gauge", "CoroNetWorkers": "gauge"} if name == "ray" else {}
    assert types == {
        "CoroNetPredictions": "counter",
        "CoroNetErrors": "counter",
        "CoroNetStepSeconds": "histogram",
        "CoroNetExplanationSeconds": "histogram",
        "CoroNetResidual": "histogram",
        "CoroNetBatchRequests": "histogram",
        **more,
    }
    for line in (
        f'CoroNetPredictions{{Class="{label}",ModelName="coronet",Level="Model",Hostname="',
        'CoroNetErrors{Type="InvalidImage",ModelName="coronet",',
        'CoroNetExplanationSeconds_count{Method="saliency",ModelName="coronet-explain",',
        'CoroNetStepSeconds_bucket{Step="batch",ModelName="coronet",Level="Model",Hostname="',
        'ts_inference_requests_total{model_name="coronet",model_version="',
    ):
        assert f"\n{line}" in page


def metrics_address(server) -> str:
    """Where the figures are: TorchServe's configuration says it, of Ray Serve's front its settings."""
    config = server.logs.parent / "config.properties"
    if config.is_file():
        return read_properties(config)["metrics_address"]
    settings = json.loads((server.temporary / "front.json").read_text())
    return f"http://127.0.0.1:{settings['metrics_port']}"


def test_killed_workers_are_replaced(front, post, inputs):
    """Last in this file: the server is not itself for some seconds."""
    _, server = front
    before = post(PREDICT, data=inputs.image).content
    killed = [worker["pid"] for worker in server.describe()["workers"]]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        workers = server.describe().get("workers", [])
        if len(workers) == 2 and all(each["status"] == "READY" and each["pid"] not in killed for each in workers):
            break
        assert time.monotonic() < deadline, workers
        time.sleep(0.5)
    assert server.client().predict(gray_png())["model"] == "coronet"
    assert post(PREDICT, data=inputs.image).content == before
