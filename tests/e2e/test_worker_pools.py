"""Explanations do not hold up predictions; and the end of a server: SIGTERM loses nothing, SIGKILL leaves nothing."""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil
import pytest
import requests

from client.tokens import read_key
from launcher.process_group import members
from launcher.torchserve_config import free_ports

SLOW = {"method": "meaningful_perturbation", "steps": "300"}  # seconds, on the 64-pixel chain of the tests
PATHS = ("/explanations/coronet", "/explanations/coronet-explain")


def test_a_flood_of_explanations_at_both_addresses_does_not_hold_up_predictions(server, post, phantom_png):
    image = phantom_png.read_bytes()
    begun = time.monotonic()
    alone = post(PATHS[1], data=SLOW, files={"data": image})
    seconds = time.monotonic() - begun
    assert (alone.status_code, alone.json()["model"]) == (200, "coronet")
    workers = [worker["pid"] for worker in server.describe()["workers"]]
    answers: list[requests.Response] = []
    stop = threading.Event()

    def explain(path: str) -> None:
        while not stop.is_set():
            answers.append(post(path, data=SLOW, files={"data": image}))

    flood = [threading.Thread(target=explain, args=(path,)) for path in (*PATHS, *PATHS, *PATHS)]
    for thread in flood:
        thread.start()
    time.sleep(1)
    waits = []
    predictions = []
    try:
        for _ in range(20):
            begun = time.monotonic()
            predictions.append(post("/predictions/coronet", data=image))
            waits.append(time.monotonic() - begun)
    finally:
        stop.set()
        for thread in flood:
            thread.join()
    assert [prediction.status_code for prediction in predictions] == [200] * 20
    assert max(waits) < seconds  # in one queue, each would have waited for several explanations
    assert len(answers) >= len(flood)
    assert {answer.content for answer in answers} == {alone.content}
    # one prediction worker may explain at a time; further requests were sent on, and requests went along
    redirects = [redirect for answer in answers for redirect in answer.history]
    assert redirects
    for redirect in redirects:
        assert (redirect.status_code, redirect.headers["location"]) == (307, PATHS[1])
        assert redirect.json()["type"] == "ExplanationsElsewhere"
    assert [worker["pid"] for worker in server.describe()["workers"]] == workers


@pytest.fixture
def serving(user, model_store):
    """`coronet serve` with one worker in each pool: the process, its address, its token."""
    port, metrics_port = free_ports(2)
    ports = ("--port", port, "--metrics-port", metrics_port)
    process, _ = user.serve("--model-store", model_store, "--workers", "1", *ports)
    key_file = user.state / "coronet" / f"serve-{port}" / "key_file.json"
    return process, f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {read_key(key_file, 'inference')}"}


def test_sigterm_lets_a_slow_explanation_finish(serving, phantom_png):
    process, url, token = serving
    image = phantom_png.read_bytes()
    answers: list[requests.Response] = []

    def explain() -> None:
        # the only prediction worker does not explain: this too is answered in the other pool
        answers.append(requests.post(url + PATHS[0], data=SLOW, files={"data": image}, headers=token, timeout=60))

    family = psutil.Process(process.pid).children(recursive=True)
    thread = threading.Thread(target=explain)
    thread.start()
    time.sleep(0.7)
    assert answers == []  # still running
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    late = requests.post(url + "/predictions/coronet", data=image, headers=token, timeout=60)
    assert (late.status_code, late.json()["type"]) == (503, "Overloaded")
    thread.join()
    assert [(answer.status_code, len(answer.history)) for answer in answers] == [(200, 1)]
    assert process.wait(60) == 0
    assert not any(each.is_running() for each in family)


def test_sigkill_of_coronet_serve_leaves_no_process(serving):
    process, _, _ = serving
    family = psutil.Process(process.pid).children(recursive=True)
    assert any("model_service_worker" in " ".join(each.cmdline()) for each in family)
    group = os.getpgid(family[0].pid)
    process.kill()
    _, alive = psutil.wait_procs(family, timeout=40)
    assert alive == []
    assert members(group) == []
