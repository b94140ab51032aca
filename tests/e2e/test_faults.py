"""Faults on purpose, under load: workers that are killed or hang, a full queue, a full disk, wrong files, a restart.

Those without the mark `slow` are the short form that runs with all other tests.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from PIL import Image

from client.http import CoroNetClient
from client.load import drive
from client.tokens import TokenSource
from launcher.server import torchserve
from launcher.torchserve_config import free_ports
from launcher.worker_pools import WorkerPool
from model_src.errors import RequestError, ServerError
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from phantoms.generate import make_phantom
from tests.e2e.traffic import Traffic

CONFIG = Path(__file__).parents[2] / "config.properties"
# From SIGKILL to the replacement's first answer. The short form runs wherever tests run, on busy cores too.
RECOVERY_SECONDS = 20.0
RECOVERY_SECONDS_WHEN_BUSY = 40.0
DIED = "Worker died"  # TorchServe's words for the request that a worker had when it ended


@pytest.fixture
def serve(model_store, tmp_path):
    """Starts a server of this test's own; the keywords are torchserve's."""
    with ExitStack() as stack:

        def start(config=CONFIG, store=model_store, state=tmp_path / "state", **keywords):
            ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True))
            return stack.enter_context(torchserve(store, config, state=state, **{**ports, **keywords}))

        yield start


def more_are_right(traffic: Traffic, count: int) -> bool:
    return traffic.count("right") >= count


def ready_pids(server, model=PREDICT_MODEL) -> list[int]:
    """Process ids of a worker pool's workers that are ready."""
    return [worker["pid"] for worker in server.describe(model).get("workers", []) if worker["status"] == "READY"]


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


def answers_of(server) -> dict[bytes, dict[str, Any]]:
    """What the server answers to an image of each class, all different, before anything is broken."""
    known = {}
    for label in range(3):
        buffer = io.BytesIO()
        Image.fromarray(make_phantom(label, seed=7 + label, size=96).image).save(buffer, "PNG")
        known[buffer.getvalue()] = server.client().predict(buffer.getvalue())
    assert len({str(answer) for answer in known.values()}) == len(known)
    return known


def asking(server, image: bytes, expected: dict) -> Callable[[], Callable[[], None]]:
    """For client.load.drive: clients that insist on the right answer."""

    def connect():
        client = server.client()

        def ask() -> None:
            assert client.predict(image) == expected

        return ask

    return connect


def kill_one_and_see_it_replaced(server, traffic: Traffic, seconds: float) -> float:
    """Seconds from SIGKILL of one of two prediction workers to its replacement's first answer under `traffic`.

    The other worker is then stopped for a moment, so that whatever is answered comes from the replacement.
    """
    victim, other = ready_pids(server)
    begun = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    (new,) = wait_for(lambda: set(ready_pids(server)) - {victim, other}, seconds, "the replacement is ready")
    os.kill(other, signal.SIGSTOP)
    try:
        time.sleep(0.2)  # what it had answered already has arrived
        answered = traffic.count("right")
        wait_for(lambda: traffic.count("right") > answered, seconds, f"worker {new} answers")
        took = time.monotonic() - begun
    finally:
        os.kill(other, signal.SIGCONT)
    assert other in ready_pids(server)
    assert took <= seconds
    print(f"\nSIGKILL to the replacement's first answer: {took:.1f} s")
    return took


def test_a_killed_worker_is_replaced_and_the_other_is_undisturbed(server):
    with Traffic(server.client, answers_of(server), clients=4) as traffic:
        wait_for(lambda: traffic.count("right") >= 20, 60, "load")
        begun = time.monotonic()
        took = kill_one_and_see_it_replaced(server, traffic, RECOVERY_SECONDS_WHEN_BUSY)
    assert traffic.count("wrong") == 0
    # nobody's request is lost but the one that the dead worker had in hand
    assert len(traffic.failures()) <= 1
    assert all(DIED in failure for failure in traffic.failures())
    # the other worker answered while the replacement was loading
    times = sorted(outcome.ended for outcome in traffic.outcomes if begun <= outcome.ended <= begun + took - 0.5)
    assert max((later - sooner for sooner, later in pairwise(times)), default=0.0) < 5.0


@pytest.mark.slow
def test_killed_again_and_again_nothing_is_answered_wrong(serve):
    """Five prediction workers one after the other, then the only worker that explains."""
    server = serve(workers=2)
    known = answers_of(server)
    image = next(iter(known))
    explained = server.client().explain(image, method="saliency")
    with Traffic(server.client, known, clients=4) as traffic:
        for _ in range(5):
            wait_for(lambda: len(ready_pids(server)) == 2, 60, "both workers are ready")
            before = traffic.count("right")
            wait_for(partial(more_are_right, traffic, before + 10), 60, "load")
            kill_one_and_see_it_replaced(server, traffic, RECOVERY_SECONDS)
        lost = len(traffic.failures())
        assert lost <= 5
        (explainer,) = ready_pids(server, EXPLAIN_MODEL)
        begun = time.monotonic()
        os.kill(explainer, signal.SIGKILL)
        wait_for(lambda: not psutil.pid_exists(explainer), 10, "it is gone")
        assert server.client().explain(image, method="saliency") == explained  # it waits in the queue
        assert time.monotonic() - begun < 2 * RECOVERY_SECONDS  # predictions keep both cores
        assert ready_pids(server, EXPLAIN_MODEL) != [explainer]
        assert len(traffic.failures()) == lost  # predictions did not notice
    assert traffic.count("wrong") == 0
    assert all(DIED in failure for failure in traffic.failures())


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(serve, phantom_png, monkeypatch):
    pools = [WorkerPool(PREDICT_MODEL, 2, response_timeout=5), WorkerPool(EXPLAIN_MODEL, 1)]
    monkeypatch.setattr("launcher.server.choose_pools", lambda *_: pools)
    server = serve()
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    victim, other = ready_pids(server)
    os.kill(victim, signal.SIGSTOP)
    try:
        measured = drive(asking(server, image, expected), 4, 30)
    finally:
        if psutil.pid_exists(victim):
            os.kill(victim, signal.SIGKILL)
    print(f"\nSIGSTOP: {len(measured.waits)} right answers, {measured.failures}")
    assert len(measured.failures) <= 1
    assert victim not in ready_pids(server)
    assert other in ready_pids(server)


def test_a_full_queue_says_so_and_patient_clients_get_through(serve, phantom_png, tmp_path):
    config = tmp_path / "config.properties"
    config.write_text(CONFIG.read_text().replace("job_queue_size=64", "job_queue_size=2"))
    server = serve(config=config, workers=1)
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    url, token = server.url + "/predictions/coronet", {"Authorization": f"Bearer {server.token.read()}"}

    def rush(_: int) -> int:
        return requests.post(url, data=image, headers=token, timeout=60).status_code

    with ThreadPoolExecutor(40) as crowd:
        statuses = list(crowd.map(rush, range(40)))
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


@pytest.mark.slow
def test_a_full_disk_costs_the_logs_only(small_disk, serve, phantom_png):
    server = serve(state=small_disk)
    image = phantom_png.read_bytes()
    expected = server.client().predict(image)
    pids = ready_pids(server)
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"\0" * 4096)
    for _ in range(50):
        assert server.client().predict(image) == expected
    with pytest.raises(RequestError):
        server.client().predict(b"no image")
    assert ready_pids(server) == pids


@pytest.mark.slow
def test_clients_survive_a_restart(model_store, phantom_png, tmp_path):
    """A caller that has met the server waits while it is away, with a request in flight when it stops."""
    ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True))
    image = phantom_png.read_bytes()

    def serving():
        return torchserve(model_store, CONFIG, state=tmp_path / "state", **ports)

    with ExitStack() as stack:
        with serving() as server:
            known = {image: server.client().predict(image)}
            # the callers' own: they know an address and a key file
            url, token = server.url, TokenSource(file=server.token.file)
            traffic = Traffic(lambda: CoroNetClient(url, token), known, clients=3)
            stack.enter_context(traffic)
            wait_for(lambda: traffic.count("right") >= 10, 60, "all clients have met the server")
        before = traffic.count("right")
        with serving():
            wait_for(lambda: traffic.count("right") >= before + 10, 60, "they go on")
            stack.close()
    assert traffic.count("wrong") == 0
    # what was in flight at the stop, and who has waited for longer than a client waits
    assert len(traffic.failures()) <= 6
    assert all("\n" not in failure for failure in traffic.failures())
