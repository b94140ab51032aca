"""`coronet serve` from start to Ctrl-C: what it prints, where it listens, what other commands do with it.

One server for all; the tests of its end come last.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from client.http import BearerToken
from client.management import ask_management
from client.tokens import read_key
from launcher.process_group import members
from launcher.torchserve_config import free_ports
from tests.e2e.user import User


@dataclass(frozen=True)
class Serving:
    """A server that a user has started by the command."""

    user: User
    process: subprocess.Popen[str]
    lines: list[str]  # what it printed
    port: int
    metrics_port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> Path:
        """Its directory of keys, logs and record."""
        return self.user.state / "coronet" / f"serve-{self.port}"

    @property
    def management(self) -> Path:
        """The socket of its management."""
        return (self.state / "management.sock").resolve()

    def family(self) -> list[psutil.Process]:
        """Every process below the command."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def ask(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Another command of the same user, for this server."""
        return self.user.run(*words, "--url", self.url)


def ports() -> list[int]:
    return free_ports(2)


def options(port: int, metrics_port: int) -> list[object]:
    return ["--port", port, "--metrics-port", metrics_port]


@pytest.fixture(scope="module")
def serving(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The server of this file."""
    user = User(tmp_path_factory.mktemp("user"))
    port, metrics_port = ports()
    try:
        command = ["--model-store", model_store, "--workers", 2, *options(port, metrics_port)]
        process, lines = user.serve(*command)
        yield Serving(user, process, lines, port, metrics_port)
    finally:
        user.leave()


def test_it_says_where_it_answers_and_with_how_many_workers(serving: Serving) -> None:
    said = "".join(serving.lines)
    assert re.search(rf"answers at {serving.url} \(2 x \w+, 1 more for explanations\)", said)


def test_it_prints_no_token(serving: Serving) -> None:
    assert read_key(serving.state / "key_file.json", "inference") not in "".join(serving.lines)


def test_management_is_on_a_socket_that_the_user_alone_can_reach(serving: Serving) -> None:
    assert serving.management.is_socket()
    assert serving.management.parent.stat().st_mode & 0o077 == 0


def test_it_listens_on_the_ports_asked_for_and_grpcs_two(serving: Serving) -> None:
    listening = {
        connection.laddr.port
        for process in serving.family()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {serving.port, serving.metrics_port} < listening
    assert len(listening) == 4


def test_the_socket_answers_who_has_the_management_key(serving: Serving) -> None:
    key = BearerToken(read_key(serving.state / "key_file.json", "management"))
    url = f"unix:{serving.management}"
    described = ask_management(url, "GET", "/models/coronet", key, {"customized": "true"}, 30.0)
    assert described.json()[0]["customizedMetadata"]["model"] == "coronet"


def test_ready_says_nothing_wrong(serving: Serving) -> None:
    ready = serving.ask("ready")
    assert (ready.returncode, ready.stderr) == (0, "")


def test_the_curl_command_that_was_printed_works(serving: Serving, phantom_png: Path) -> None:
    (curl,) = [line.split(maxsplit=1)[1].strip() for line in serving.lines if line.strip().startswith("curl")]
    if not shutil.which("curl"):
        pytest.skip("needs curl")
    answer = subprocess.check_output(curl.replace("IMAGE", str(phantom_png)), shell=True, stderr=subprocess.DEVNULL)
    assert json.loads(answer)["model"] == "coronet"


def test_predict_finds_the_token_and_renews_one_that_the_server_no_longer_takes(
    serving: Serving, phantom_png: Path
) -> None:
    key_file = serving.state / "key_file.json"
    keys = json.loads(key_file.read_text())
    keys["inference"]["key"] = "expired"
    key_file.write_text(json.dumps(keys))
    predicted = serving.ask("predict", phantom_png, "--json")
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(predicted.stdout)["file"] == str(phantom_png)
    assert read_key(key_file, "inference") != "expired"


def test_predict_answers_the_good_images_beside_a_broken_one(
    serving: Serving, phantom_png: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG broken")
    predicted = serving.ask("predict", broken, phantom_png, "--json")
    assert predicted.returncode == 1
    assert f"{broken}: " in predicted.stderr
    assert json.loads(predicted.stdout)["file"] == str(phantom_png)


def test_explain_writes_every_methods_pictures_and_a_montage(
    serving: Serving, phantom_png: Path, tmp_path: Path
) -> None:
    explained = serving.ask("explain", phantom_png, "--method", "saliency,grad_cam", "--out", tmp_path / "out")
    assert explained.returncode == 0, explained.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    endings = ("heatmap.png", "overlay.png", "json")
    assert {f"phantom.{method}.{ending}" for method in ("saliency", "grad_cam") for ending in endings} < written
    assert "phantom.montage.png" in written


def test_a_second_server_on_the_same_port_says_so_at_once(serving: Serving, user: User, model_store: Path) -> None:
    second = user.run("serve", "--model-store", model_store, *options(serving.port, serving.metrics_port))
    assert second.returncode == 1
    assert f"port {serving.port} on 127.0.0.1 is in use" in second.stderr


def test_an_archive_that_does_not_load_says_why(user: User, tmp_path: Path, model_store: Path) -> None:
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
    failed = user.run("serve", "--model-store", store, *options(*ports()))
    assert failed.returncode == 1
    assert "the model could not be loaded" in failed.stderr
    assert "cin.pt" in failed.stderr
    assert len(failed.stderr.splitlines()) < 10


@dataclass(frozen=True)
class Stopped:
    """What there was of the server before Ctrl-C, and the command's exit status."""

    status: int
    family: list[psutil.Process]
    group: int
    management: Path


@pytest.fixture(scope="module")
def stopped(serving: Serving) -> Stopped:
    """The server after Ctrl-C: from here on there is none."""
    family, management = serving.family(), serving.management
    group = os.getpgid(family[0].pid)
    assert any("model_service_worker" in " ".join(process.cmdline()) for process in family)
    serving.process.send_signal(signal.SIGINT)
    return Stopped(serving.process.wait(60), family, group, management)


def test_ctrl_c_ends_it_well(stopped: Stopped) -> None:
    assert stopped.status == 0


def test_ctrl_c_leaves_no_process(stopped: Stopped) -> None:
    assert members(stopped.group) == []
    assert not any(process.is_running() for process in stopped.family)


def test_ctrl_c_leaves_no_key_no_socket_and_no_record(stopped: Stopped, serving: Serving) -> None:
    assert not (serving.state / "key_file.json").exists()
    assert not stopped.management.parent.exists()
    assert not (serving.state / "server.json").exists()
