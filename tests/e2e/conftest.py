"""A real TorchServe with a real archive, on free ports, for all end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest
import requests
from PIL import Image

from archive.build import build_archive
from client.java import find_java
from client.server import Server, torchserve
from client.ts_config import free_ports
from train.phantoms import make_phantom

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 40


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked e2e, so that `pytest -m "not e2e"` is the quick suite."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def model_store(artefact_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with a 64-pixel coronet.mar of random weights."""
    return build_archive(artefact_dir, tmp_path_factory.mktemp("model-store")).parent


@pytest.fixture(scope="session")
def server(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests ask: two workers for predictions, one for explanations."""
    port, management_port, metrics_port = free_ports(3)
    with torchserve(
        model_store,
        ROOT / "config.properties",
        port=port,
        management_port=management_port,
        metrics_port=metrics_port,
        workers=2,
        state=tmp_path_factory.mktemp("server"),
    ) as running:
        yield running


class Post(Protocol):
    """post(path, **arguments of requests.post) -> response; the server's token is added."""

    def __call__(self, path: str, **arguments: object) -> requests.Response: ...


@pytest.fixture
def post(server: Server) -> Post:
    """Bare HTTP to the server, as any other client would send it."""

    def send(path: str, headers: dict[str, str] | None = None, **arguments: object) -> requests.Response:
        token = {"Authorization": f"Bearer {server.token.read()}"}
        return requests.post(server.url + path, headers={**token, **(headers or {})}, timeout=120, **arguments)

    return send


@pytest.fixture(scope="session")
def phantom_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated X-ray as an 8-bit gray PNG of 96 x 96 pixels."""
    path = tmp_path_factory.mktemp("phantom") / "phantom.png"
    Image.fromarray(make_phantom(2, seed=1, size=96).image).save(path)
    return path


@pytest.fixture
def user_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a state directory of their own and Java on PATH."""
    java = find_java().executable.parent
    return {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}:{java}:{os.environ['PATH']}",
    }


class Start(Protocol):
    """start(command) -> the process, its output in .stdout."""

    def __call__(self, command: Sequence[object], **arguments: object) -> subprocess.Popen[str]: ...


@pytest.fixture
def start(user_environment: dict[str, str]) -> Iterator[Start]:
    """Starts commands as the user would; whatever still runs at the end is interrupted, then killed."""
    started: list[subprocess.Popen[str]] = []

    def run(command: Sequence[object], **arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=user_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **arguments,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()
