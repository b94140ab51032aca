"""What only Ray Serve's front does: more workers under load, and an end that leaves nothing."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import psutil
import pytest
import requests

from launcher.process_group import members
from launcher.ray_front import ray_front
from launcher.torchserve_config import free_ports
from tests.e2e.traffic import Traffic

STARTS_WITHIN = 120  # seconds, on busy cores

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_workers_come_under_load_and_nothing_is_left_at_the_end(model_store, inputs, tmp_path):
    port, metrics_port = free_ports(2)
    ports = {"port": port, "metrics_port": metrics_port}
    with ray_front(
        model_store, workers=1, most_workers=2, explain_workers=0, state=tmp_path / "state", **ports
    ) as server:
        assert ready(server) == 1
        known = {image: server.client().predict(image) for image in (inputs.image, inputs.other)}
        with Traffic(server.client, known, clients=6) as traffic:
            deadline = time.monotonic() + STARTS_WITHIN
            while ready(server) < 2:
                assert time.monotonic() < deadline, server.describe()
                time.sleep(0.5)
            right = traffic.count("right")
            while traffic.count("right") < right + 10:
                assert time.monotonic() < deadline + 30
                time.sleep(0.1)
        assert traffic.failures() == []
        page = requests.get(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10).text
        assert 'CoroNetRequestsInHand{ModelName="coronet"' in page
        session, temporary = server.process.pid, server.temporary
        listening = {each.laddr.ip for each in psutil.net_connections("inet") if each.laddr.port == port}
        assert listening == {"127.0.0.1"}
    assert members(session) == []
    assert not temporary.exists()
    assert [path.name for path in Path(tmp_path / "state").iterdir()] == ["logs"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def ready(server) -> int:
    return sum(worker["status"] == "READY" for worker in server.describe().get("workers", []))
