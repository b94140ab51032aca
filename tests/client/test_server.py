"""What can be said of a TorchServe without starting one; tests/e2e/test_server.py has the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from client.server import Server, _environment, torchserve
from client.server_log import ServerLog
from client.tokens import TokenSource
from model_src.errors import ServerError

CONFIG = Path(__file__).parents[2] / "config.properties"


def server_that_prints(text: str, fake_server, key_file: Path | None = None) -> Server:
    process = subprocess.Popen([sys.executable, "-c", f"print({text!r})"], stdout=subprocess.PIPE, text=True)
    return Server(
        url=fake_server.url,
        management_url=fake_server.url,
        token=TokenSource(file=key_file),
        logs=Path("logs"),
        process=process,
        log=ServerLog(process.stdout),
    )


def test_a_server_that_dies_is_reported_with_its_last_words(fake_server):
    server = server_that_prints("starting\njava.lang.OutOfMemoryError: Java heap space", fake_server)
    with pytest.raises(ServerError) as caught:
        server.wait()
    assert str(caught.value).splitlines() == [
        "TorchServe ended on its own; its log says:",
        "  java.lang.OutOfMemoryError: Java heap space",
        "  more in logs",
    ]


def test_describing_and_scaling_use_the_management_key(fake_server, tmp_path):
    keys = tmp_path / "key_file.json"
    keys.write_text('{"management": {"key": "manager"}}')
    server = server_that_prints("", fake_server, keys)
    fake_server.answers = [(200, [{"modelName": "coronet"}]), (200, {}), (403, {})]
    assert server.describe(customized="true") == {"modelName": "coronet"}
    server.scale(3)
    with pytest.raises(ServerError, match="did not start 4 workers"):
        server.scale(4)
    described, scaled, _ = fake_server.requests
    assert (described.method, described.path) == ("GET", "/models/coronet?customized=true")
    assert scaled.path == "/models/coronet?min_worker=3&max_worker=3&synchronous=true"
    assert {request.headers["authorization"] for request in fake_server.requests} == {"Bearer manager"}
    server.process.wait()


def test_a_server_that_does_not_listen_yet_has_no_description(fake_server, tmp_path):
    server = server_that_prints("", fake_server, tmp_path / "key_file.json")
    assert server.describe() == {}  # no key file
    server.process.wait()


def test_the_childs_environment_is_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("TS_CONFIG_FILE", "another")
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("HTTPS_PROXY", "kept")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    environment = _environment(tmp_path, "/tmp/own", workers=None)
    assert not {"PYTHONPATH", "TS_CONFIG_FILE", "OMP_NUM_THREADS"} & environment.keys()
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"
    assert environment["TMPDIR"] == environment["TEMP"] == "/tmp/own"
    assert environment["LOG_LOCATION"] == str(tmp_path / "logs")
    assert environment["HTTPS_PROXY"] == "kept"
    assert _environment(tmp_path, "/tmp/own", workers=10_000)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert _environment(tmp_path, "/tmp/own", workers=1)["OMP_NUM_THREADS"] == "7"  # the user's own choice


def test_a_store_without_an_archive_says_how_to_make_one(tmp_path):
    with (
        pytest.raises(ServerError, match=rf"no coronet\.mar in {tmp_path}: make it with 'coronet archive"),
        torchserve(tmp_path, CONFIG),
    ):
        pytest.fail("started")
