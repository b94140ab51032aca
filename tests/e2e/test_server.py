"""The server itself: metrics, a killed worker, `coronet serve` from start to stop, plain torchserve."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from client.http import BearerToken, CoroNetClient
from client.management import ask_management
from client.tokens import TokenSource, read_key
from launcher.process_group import members, stop_group
from launcher.torchserve_config import free_ports, read_properties, settle_addresses, write_config
from model_src.errors import ServerError

ROOT = Path(__file__).parents[2]
CORONET = Path(sys.executable).parent / "coronet"
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


def serve_options() -> list[str]:
    port, metrics_port = map(str, free_ports(2))
    return ["--port", port, "--metrics-port", metrics_port]


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


def test_coronet_serve_from_start_to_ctrl_c(start, user_environment, model_store, phantom_png, tmp_path):
    options = serve_options()
    serving = start([CORONET, "serve", "--model-store", model_store, "--workers", "2", *options])
    lines = []
    for line in serving.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    assert serving.poll() is None, "".join(lines)
    url = f"http://127.0.0.1:{options[1]}"
    assert re.search(rf"answers at {url} \(2 x \w+, 1 more for explanations\)", "".join(lines))
    state = tmp_path / "state" / "coronet" / f"serve-{options[1]}"
    assert read_key(state / "key_file.json", "inference") not in "".join(lines)
    # management is on a socket in a directory of the user's own, and on no port
    management = (state / "management.sock").resolve()
    assert management.is_socket()
    assert management.parent.stat().st_mode & 0o077 == 0
    listening = {
        connection.laddr.port
        for process in psutil.Process(serving.pid).children(recursive=True)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {int(options[1]), int(options[3])} < listening
    assert len(listening) == 4  # with gRPC's two
    key = BearerToken(read_key(state / "key_file.json", "management"))
    described = ask_management(f"unix:{management}", "GET", "/models/coronet", key, {"customized": "true"}, 30.0)
    assert described.json()[0]["customizedMetadata"]["model"] == "coronet"
    ready = subprocess.run([CORONET, "ready", "--url", url], env=user_environment, capture_output=True, check=False)
    assert (ready.returncode, ready.stderr) == (0, b"")
    # the command that was printed works as it is
    curl = next(line.split(maxsplit=1)[1].strip() for line in lines if line.strip().startswith("curl"))
    if shutil.which("curl"):
        answer = subprocess.check_output(curl.replace("IMAGE", str(phantom_png)), shell=True, stderr=subprocess.DEVNULL)
        assert json.loads(answer)["model"] == "coronet"

    # predict and explain find the token by themselves
    def coronet(*words: object) -> subprocess.CompletedProcess[str]:
        command = [str(word) for word in (CORONET, *words, "--url", url)]
        return subprocess.run(command, env=user_environment, capture_output=True, text=True, check=False)

    # a token that the server no longer takes is renewed, over the socket
    keys = json.loads((state / "key_file.json").read_text())
    keys["inference"]["key"] = "expired"
    (state / "key_file.json").write_text(json.dumps(keys))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG broken")
    predicted = coronet("predict", broken, phantom_png, "--json")
    assert predicted.returncode == 1
    assert f"{broken}: " in predicted.stderr
    assert json.loads(predicted.stdout)["file"] == str(phantom_png)
    explained = coronet("explain", phantom_png, "--method", "saliency,grad_cam", "--out", tmp_path / "out")
    assert explained.returncode == 0, explained.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    kinds = ("heatmap.png", "overlay.png", "json")
    assert {f"phantom.{method}.{kind}" for method in ("saliency", "grad_cam") for kind in kinds} < written
    assert "phantom.montage.png" in written
    # a second one on the same port says so at once
    second = coronet_serve(user_environment, "--model-store", model_store, *options)
    assert second.returncode == 1
    assert f"port {options[1]} on 127.0.0.1 is in use" in second.stderr

    family = psutil.Process(serving.pid).children(recursive=True)
    group = os.getpgid(family[0].pid)
    assert any("model_service_worker" in " ".join(process.cmdline()) for process in family)
    serving.send_signal(signal.SIGINT)
    assert serving.wait(60) == 0
    assert members(group) == []
    assert not any(process.is_running() for process in family)
    assert not (state / "key_file.json").exists()
    assert not management.parent.exists()
    assert not (state / "server.json").exists()


def coronet_serve(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """`coronet serve` for starts that fail."""
    command = [str(word) for word in (CORONET, "serve", *words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=START_SECONDS, check=False)


def test_an_archive_that_does_not_load_says_why(user_environment, tmp_path, model_store):
    # one byte of an artefact changed: the digest does not match
    store = tmp_path / "store"
    store.mkdir()
    with (
        zipfile.ZipFile(model_store / "coronet.mar") as good,
        zipfile.ZipFile(store / "coronet.mar", "w") as bad,
    ):
        for entry in good.infolist():
            content = good.read(entry)
            bad.writestr(entry, content[:-1] + b"!" if entry.filename == "cin.pt" else content)
    failed = coronet_serve(user_environment, "--model-store", store, *serve_options())
    assert failed.returncode == 1
    assert "the model could not be loaded" in failed.stderr
    assert "cin.pt" in failed.stderr
    assert len(failed.stderr.splitlines()) < 10


def test_plain_torchserve_with_the_projects_configuration(
    user_environment, model_store, phantom_png, tmp_path, tmp_path_factory
):
    """The contract's command line, but on free ports and in the foreground."""
    config = tmp_path / "config.properties"
    ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True))
    base = ROOT / "config.properties"
    addresses = settle_addresses(read_properties(base), **ports)
    write_config(base, addresses, config)
    with tempfile.TemporaryDirectory(prefix="coronet-", dir="/tmp") as temporary:
        # the launcher's pid file and the workers' sockets lie there
        environment = {**user_environment, "TMPDIR": temporary, "TEMP": temporary}
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
