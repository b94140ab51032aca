"""`coronet web`: where it listens, what it refuses, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from cli.commands import web as command
from cli.main import main
from launcher.torchserve_config import free_ports

STOP = 20


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "xray.example.org"])
def test_an_address_that_others_reach_needs_a_word(host, capsys):
    assert main(["web", "--host", host, "--url", "http://127.0.0.1:1"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"coronet: found --host {host}, which others can reach: ")
    assert "--open-to-network" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("host", ["", "a b", "http://x", "-"])
def test_what_is_no_address_is_refused(host, capsys):
    with pytest.raises(SystemExit):
        main(["web", "--host", host])
    assert "need an address such as 127.0.0.1" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x"])
def test_what_is_no_port_is_refused(port, capsys):
    with pytest.raises(SystemExit):
        main(["web", "--port", port])
    assert "need a port number from 1 to 65535" in capsys.readouterr().err


def test_a_port_in_use_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["web", "--port", str(port), "--url", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith(f"coronet: cannot listen on 127.0.0.1, port {port} ")


def test_an_address_that_is_none_is_one_line(capsys):
    assert main(["web", "--url", "xray"]) == 1
    assert capsys.readouterr().err == "coronet: the address xray has no scheme: need one like http://xray\n"


def test_no_server_and_no_way_to_start_one_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    monkeypatch.setattr("launcher.torchserve_config.is_free", lambda port: True)
    assert main(["web"]) == 1
    assert capsys.readouterr().err.startswith(
        "coronet: no server at http://127.0.0.1:8080, and this installation cannot"
    )


class Started:
    """A TorchServe that is started, answers, and is stopped by Ctrl-C, without its processes."""

    def __init__(self, page: str) -> None:
        self.about = f"{page}/api/about"
        self.said: list[str] = []

    @contextmanager
    def __call__(self, model_store: Path, config: Path, **options: object) -> Iterator[Started]:
        self.store = model_store
        self.said.append(requests.get(self.about, timeout=10).json()["server"])
        yield self

    def wait(self) -> None:
        self.said.append(requests.get(self.about, timeout=10).json()["server"])
        raise KeyboardInterrupt

    def drain(self) -> None:
        self.said.append("drained")


def test_where_no_server_runs_it_starts_one_behind_a_page_that_is_there_at_once(monkeypatch, capsys, tmp_path):
    (port,) = free_ports(1)
    started = Started(f"http://127.0.0.1:{port}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("launcher.server.torchserve", started)
    monkeypatch.setattr("launcher.torchserve_config.is_free", lambda port: True)
    assert main(["web", "--port", str(port), "--model-store", "store"]) == 0
    first, second, last = started.said
    assert started.store == Path("store")
    assert first.startswith("the model is being started")
    assert second.startswith("no token for http://127.0.0.1:8080")  # this one left no record
    assert last == "drained"
    assert "the model answers\n" in capsys.readouterr().out


def test_it_asks_the_server_that_is_named_and_ends_by_ctrl_c(fake_server):
    (port,) = free_ports(1)
    words = ["web", "--port", str(port), "--url", fake_server.url, "--token", "secret", "--allow-host", "Xray.Example"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout.readline() == f"the page is at http://127.0.0.1:{port}\n"
        about = f"http://127.0.0.1:{port}/api/about"
        assert requests.get(about, timeout=10).json()["server"] == "ready"
        assert requests.get(about, timeout=10, headers={"Host": "xray.example"}).status_code == 200
        assert requests.get(about, timeout=10, headers={"Host": "other.example"}).status_code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP) == 0
        assert process.stdout.read().endswith("stopping ...\n")
    finally:
        process.kill()
        process.communicate()
