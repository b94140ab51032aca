"""The server itself: metrics, management, keys, a killed worker, plain torchserve."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
import requests

from client.http import CoroNetClient
from client.tokens import TokenSource, read_key
from launcher.process_group import stop_group
from launcher.torchserve_config import free_ports, read_properties, settle_addresses, write_config
from model_src.errors import ServerError

ROOT = Path(__file__).parents[2]
START_SECONDS = 180


def wait_for(condition, seconds: float, what: str):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    pytest.fail(f"{what} within {seconds} s")


def metrics_page(server) -> str:
    settings = read_properties(server.logs.parent / "config.properties")
    return requests.get(settings["metrics_address"] + "/metrics", timeout=30).text


def test_metrics_are_there_to_be_scraped(server, post, phantom_png):
    label = server.client().predict(phantom_png.read_bytes())["label"]
    server.client().explain(phantom_png.read_bytes(), method="saliency", steps=1)
    post("/predictions/coronet", data=b"no image")
    page = metrics_page(server)
    assert "ts_inference_requests_total" in page
    types = dict(re.findall(r"^# TYPE (CoroNet\w+) (\w+)$", page, flags=re.M))
    assert types == {
        "CoroNetPredictions": "counter",
        "CoroNetErrors": "counter",
        "CoroNetStepSeconds": "histogram",
        "CoroNetExplanationSeconds": "histogram",
        "CoroNetResidual": "histogram",
        "CoroNetBatchRequests": "histogram",
    }
    for line in (
        f'CoroNetPredictions{{Class="{label}",ModelName="coronet",',
        'CoroNetErrors{Type="InvalidImage",ModelName="coronet",',
        'CoroNetExplanationSeconds_count{Method="saliency",ModelName="coronet-explain",',
        *(f'CoroNetStepSeconds_bucket{{Step="{step}",' for step in ("batch", "decode", "chain", "encode")),
        *(f'CoroNetResidual_sum{{Autoencoder="{name}",' for name in ("healthy", "pneumonia")),
        'CoroNetBatchRequests_sum{ModelName="coronet",',
    ):
        assert f"\n{line}" in page
    ours = [line for line in page.splitlines() if "CoroNet" in line]
    # reading the page asks no worker
    assert [line for line in metrics_page(server).splitlines() if "CoroNet" in line] == ours


def test_what_the_management_port_refuses(server):
    """Without the management token everything; with it, whatever would add, exchange or remove a model."""
    keys = {kind: read_key(server.token.file, kind) for kind in ("management", "inference")}

    def status(method: str, path: str, key: str | None) -> int:
        headers = {"Authorization": f"Bearer {keys[key]}"} if key else {}
        return requests.request(method, server.management_url + path, headers=headers, timeout=30).status_code

    closed = [
        ("POST", "/models?url=coronet.mar&model_name=second", 405),
        ("DELETE", "/models/coronet", 405),
        # enable_model_api does not hold for workflows: the first finds no address allowed, the second no workflow
        ("POST", "/workflows?url=http://127.0.0.1:1/x.war", 404),
        ("POST", "/workflows?url=file:///tmp/x.war", 404),
        ("DELETE", "/workflows/x", 404),
    ]
    for method, path, refusal in closed:
        assert status(method, path, "management") == refusal, path
    scaling = ("PUT", "/models/coronet?min_worker=0&max_worker=0")
    for method, path in (*(call[:2] for call in closed), scaling, ("GET", "/models"), ("GET", "/workflows")):
        for key in (None, "inference"):
            assert status(method, path, key) == 400, (path, key)
    headers = {"Authorization": f"Bearer {keys['management']}"}
    models = requests.get(f"{server.management_url}/models", headers=headers, timeout=30).json()["models"]
    assert sorted(model["modelName"] for model in models) == ["coronet", "coronet-explain"]
    assert [worker["status"] for worker in server.describe()["workers"]] == ["READY", "READY"]


def test_keys_are_the_users_own(server):
    assert server.token.file.stat().st_mode & 0o077 == 0
    assert server.logs.parent.stat().st_mode & 0o077 == 0


def test_a_killed_worker_is_replaced_and_nothing_is_lost(server, phantom_png):
    before = server.client().predict(phantom_png.read_bytes())
    killed = [worker["pid"] for worker in server.describe()["workers"]]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    def replaced() -> bool:
        workers = server.describe().get("workers", [])
        return len(workers) == 2 and all(
            worker["status"] == "READY" and worker["pid"] not in killed for worker in workers
        )

    wait_for(replaced, START_SECONDS, "the workers came back")
    assert server.client().predict(phantom_png.read_bytes()) == before


def test_plain_torchserve_with_the_projects_configuration(user, model_store, phantom_png, tmp_path):
    """The contract's command line, but on free ports and in the foreground."""
    config = tmp_path / "config.properties"
    base = ROOT / "config.properties"
    port, management_port, metrics_port = free_ports(3)
    addresses = settle_addresses(read_properties(base), port, management_port, metrics_port)
    write_config(base, addresses, config)
    with tempfile.TemporaryDirectory(prefix="coronet-", dir="/tmp") as temporary:
        # the launcher's pid file and the workers' sockets lie there
        environment = {**user.environment, "TMPDIR": temporary, "TEMP": temporary}
        command = ["torchserve", "--start", "--foreground", "--ts-config", config, "--model-store", model_store]
        process = subprocess.Popen(
            [*map(str, command), "--models", "coronet=coronet.mar"],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            client = CoroNetClient(addresses.inference, TokenSource(file=tmp_path / "key_file.json"))
            wait_for(partial(is_ready, client), START_SECONDS, "the model answered")
            assert client.predict(phantom_png.read_bytes())["model"] == "coronet"
            assert client.explain(phantom_png.read_bytes(), method="saliency")["method"] == "saliency"
            subprocess.run(["torchserve", "--stop"], env=environment, cwd=tmp_path, check=True, capture_output=True)
            process.wait(60)
        finally:
            stop_group(process, 20)


def is_ready(client: CoroNetClient) -> bool:
    """Whether the model answers; False also while there is no token yet."""
    try:
        return client.ready()
    except ServerError:
        return False
