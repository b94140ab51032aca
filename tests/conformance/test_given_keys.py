"""Keys that are given to a front as a mounted secret, exchanged while callers ask without a pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from client.http import CoroNetClient
from client.tokens import TokenSource
from launcher.mounted_keys import MountedKeys
from launcher.ray_front import ray_front
from launcher.server import torchserve
from launcher.torchserve_config import free_ports
from tests.conformance.conftest import FRONTS
from tests.e2e.traffic import Traffic
from tests.fixtures.secret import Secret

CONFIG = Path(__file__).parents[2] / "config.properties"
OLD, NEW = "old-0123456789abcdef", "new-0123456789abcdef"
OVERLAP = 3.0


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


@pytest.mark.e2e
@pytest.mark.parametrize("front", FRONTS)
def test_keys_are_exchanged_without_dropping_a_request(front, model_store, inputs, tmp_path):
    secret = Secret(tmp_path / "keys", current=OLD)
    port, metrics_port = free_ports(2)
    common = {"port": port, "metrics_port": metrics_port, "workers": 1, "explain_workers": 0, "state": tmp_path / "s"}
    common["keys"] = MountedKeys(tmp_path / "keys", OVERLAP)
    with ray_front(model_store, **common) if front == "ray" else torchserve(model_store, CONFIG, **common) as server:

        def opens(key: str | None) -> bool:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            url = server.url + "/predictions/coronet"
            response = requests.post(url, data=inputs.image, headers=headers, timeout=60)
            assert response.status_code == 200 or response.json()["type"] == "InvalidKeyException"
            return response.status_code == 200

        def caller() -> CoroNetClient:
            return CoroNetClient(server.url, TokenSource(file=tmp_path / "keys" / "current"), patient=False)

        assert [opens(key) for key in (OLD, NEW, None)] == [True, False, False]
        known = {image: server.client().predict(image) for image in (inputs.image, inputs.other)}
        with Traffic(caller, known, clients=2) as traffic:
            secret.put(current=OLD, next=NEW)
            wait_for(lambda: opens(NEW), 10, "the new key is good")
            assert opens(OLD)
            secret.put(current=NEW, previous=OLD)
            assert opens(OLD)
            secret.put(current=NEW)
            time.sleep(OVERLAP / 2)
            assert opens(OLD)  # a caller that learns of it late
            wait_for(lambda: not opens(OLD), 20, "the old key is good no more")
            right = traffic.count("right")
            wait_for(lambda: traffic.count("right") > right + 3, 30, "callers get answers")
        assert traffic.failures() == []
        assert opens(NEW)
        assert [worker["status"] for worker in server.describe()["workers"]] == ["READY"]
        assert server.token.read() == NEW  # what commands of this machine send
    for path in (tmp_path / "s").rglob("*"):
        if path.is_file():
            text = path.read_text(errors="replace")
            assert OLD not in text, path
            assert NEW not in text, path
