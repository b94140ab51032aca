"""Faults on purpose, under load: workers that are killed or hang, a full queue, a full disk, wrong files, a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from client.http import CoroNetClient
from client.lanes import Lane
from client.load import drive
from client.server import torchserve
from client.tokens import TokenSource
from client.ts_config import free_ports
from model_src.errors import RequestError, ServerError
from model_src.server_files import EXPLAIN_MODEL, PREDICT_MODEL

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).parents[2] / "config.properties"
RECOVERY_SECONDS = 20


@pytest.fixture
def serve(model_store, tmp_path):
    """Starts a server of this test's own; the keywords are torchserve's."""
    with ExitStack() as stack:

        def start(config=CONFIG, store=model_store, state=tmp_path / "state", **keywords):
            ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True))
            return stack.enter_context(torchserve(store, config, state=state, **{**ports, **keywords}))

        yield start


def prediction_pids(server) -> list[int]:
    return [worker["pid"] for worker in server.describe()["workers"]]


def asking(server, image: bytes, expected: dict) -> Callable[[], Callable[[], None]]:
    """For client.load.drive: clients that insist on the right answer."""

    def connect():
        client = server.client()

        def ask() -> None:
            assert client.predict(image) == expected

        return ask

    return connect


@contextmanager
def load(server, image: bytes, expected: dict, clients: int, seconds: float):
    """Predictions go on inside; yields a list that holds the Load afterwards."""
    done: list = []
    thread = threading.Thread(
        target=lambda: done.append(drive(asking(server, image, expected), clients, seconds))
    )
    thread.start()
    time.sleep(2)
    yield done
    thread.join()


def test_sigkill_under_load_costs_the_request_that_the_worker_had(serve, phantom_png):
    server = serve(workers=2)
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    with load(server, image, expected, clients=4, seconds=RECOVERY_SECONDS + 10) as done:
        victim, other = prediction_pids(server)
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        while True:
            workers = server.describe()["workers"]
            if all(w["status"] == "READY" and w["pid"] != victim for w in workers) and len(workers) == 2:
                break
            assert time.monotonic() - killed < RECOVERY_SECONDS
            time.sleep(0.2)
        recovered = time.monotonic() - killed
    (measured,) = done
    print(f"\nSIGKILL: {len(measured.waits)} right answers, {measured.failures}, replaced after {recovered:.1f} s")
    assert len(measured.failures) <= 1  # what it was working on
    assert other in prediction_pids(server)


def test_a_worker_that_hangs_is_replaced(serve, phantom_png, monkeypatch):
    lanes = [Lane(PREDICT_MODEL, 2, response_timeout=5), Lane(EXPLAIN_MODEL, 1)]
    monkeypatch.setattr("client.server.choose_lanes", lambda *_: lanes)
    server = serve()
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    victim, other = prediction_pids(server)
    os.kill(victim, signal.SIGSTOP)
    try:
        measured = drive(asking(server, image, expected), 4, 30)
    finally:
        if psutil.pid_exists(victim):
            os.kill(victim, signal.SIGKILL)
    print(f"\nSIGSTOP: {len(measured.waits)} right answers, {measured.failures}")
    assert len(measured.failures) <= 1
    assert victim not in prediction_pids(server)
    assert other in prediction_pids(server)


def test_a_full_queue_says_so_and_patient_clients_get_through(serve, phantom_png, tmp_path):
    config = tmp_path / "config.properties"
    config.write_text(CONFIG.read_text().replace("job_queue_size=64", "job_queue_size=2"))
    server = serve(config=config, workers=1)
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    url, token = server.url + "/predictions/coronet", {"Authorization": f"Bearer {server.token.read()}"}
    statuses: list[int] = []

    def rush() -> None:
        statuses.append(requests.post(url, data=image, headers=token, timeout=60).status_code)

    threads = [threading.Thread(target=rush) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}
    measured = drive(asking(server, image, expected), 6, 5)
    assert measured.waits
    assert measured.failures == []


@pytest.mark.parametrize("damage", ["cut short", "swapped"])
def test_wrong_artefacts_are_not_served(serve, model_store, tmp_path, damage):
    store = tmp_path / "store"
    store.mkdir()
    others = {"tfen.pt": "cin.pt", "cin.pt": "tfen.pt"}
    with zipfile.ZipFile(model_store / "coronet.mar") as good, zipfile.ZipFile(store / "coronet.mar", "w") as bad:
        for entry in good.infolist():
            content = good.read(entry)
            if entry.filename in others:
                content = good.read(others[entry.filename]) if damage == "swapped" else content[: len(content) // 2]
            bad.writestr(entry.filename, content)
    with pytest.raises(ServerError, match=r"could not be loaded[\s\S]*(tfen|cin)\.pt") as refused:
        serve(store=store)
    assert "Traceback" not in str(refused.value)


@pytest.fixture
def small_disk(tmp_path):
    """An empty disk of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root and tmpfs for a disk that can be filled")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_costs_the_logs_only(small_disk, serve, phantom_png):
    server = serve(state=small_disk)
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    pids = prediction_pids(server)
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    for _ in range(50):
        assert server.client().predict(image) == expected
    with pytest.raises(RequestError):
        server.client().predict(b"no image")
    assert prediction_pids(server) == pids


def test_clients_survive_a_restart(model_store, phantom_png, tmp_path):
    ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True))
    image = phantom_png.read_bytes()
    with torchserve(model_store, CONFIG, state=tmp_path / "state", **ports) as server:
        expected = server.client().predict(image)
        # the caller's own: it knows an address and a key file, and asks again when nobody answers
        client = CoroNetClient(server.url, TokenSource(file=server.token.file))
    answers: list[dict] = []
    refusals: list[str] = []
    stop = threading.Event()

    def insist() -> None:
        while not stop.is_set():
            try:
                answers.append(client.predict(image))
            except (ServerError, RequestError) as error:
                refusals.append(str(error))
                time.sleep(0.5)

    thread = threading.Thread(target=insist)
    thread.start()
    try:
        with torchserve(model_store, CONFIG, state=tmp_path / "state", **ports):
            deadline = time.monotonic() + 30
            while len(answers) < 5 and time.monotonic() < deadline:
                time.sleep(0.2)
    finally:
        stop.set()
        thread.join()
    assert len(answers) >= 5
    assert all(answer == expected for answer in answers)
    assert all("\n" not in refusal for refusal in refusals)
