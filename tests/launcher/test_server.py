"""What can be said of a TorchServe without starting one; tests/e2e/test_server.py has the rest."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, cast

import pytest

from client.tokens import TokenSource
from handlers.server_files import ServerFiles
from launcher.server import Server, server_environment, torchserve
from launcher.server_log import ServerLog
from launcher.worker_pools import WorkerPool
from model_src.errors import ServerError

CONFIG = Path(__file__).parents[2] / "config.properties"


def server_that_prints(
    text: str, fake_server, key_file: Path | None = None, temporary: Path = Path("temporary")
) -> Server:
    process = subprocess.Popen([sys.executable, "-c", f"print({text!r})"], stdout=subprocess.PIPE, text=True)
    return Server(
        url=fake_server.url,
        management_url=fake_server.url,
        token=TokenSource(file=key_file, management_url=fake_server.url),
        logs=Path("logs"),
        temporary=temporary,
        process=process,
        log=ServerLog(cast(IO[str], process.stdout)),
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


def test_describing_uses_the_management_key(fake_server, tmp_path):
    keys = tmp_path / "key_file.json"
    keys.write_text('{"management": {"key": "manager"}}')
    server = server_that_prints("", fake_server, keys)
    fake_server.answers = [(200, [{"modelName": "coronet"}]), (404, {})]
    assert server.describe(customized="true") == {"modelName": "coronet"}
    assert server.describe("coronet-explain") == {}
    described, _ = fake_server.requests
    assert (described.method, described.path) == ("GET", "/models/coronet?customized=true")
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
    environment = server_environment(
        tmp_path, Path("/tmp/own"), [WorkerPool("coronet", 3), WorkerPool("coronet-explain", 1)]
    )
    assert not {"PYTHONPATH", "TS_CONFIG_FILE"} & environment.keys()
    assert (environment["CORONET_WORKERS"], environment["CORONET_EXPLAIN_WORKERS"]) == ("3", "1")
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"
    assert environment["TMPDIR"] == environment["TEMP"] == "/tmp/own"
    assert environment["LOG_LOCATION"] == str(tmp_path / "logs")
    assert environment["HTTPS_PROXY"] == "kept"
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"


def test_draining_waits_for_what_is_in_progress_and_not_for_ever(fake_server, tmp_path):
    files = ServerFiles(tmp_path / "coronet-server-1-1")
    server = server_that_prints("", fake_server, temporary=tmp_path)
    release, begun = threading.Event(), threading.Event()

    def work() -> None:
        with files.working():
            begun.set()
            release.wait(20)

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(20)
    server.drain(timeout=0.2)  # gives up
    assert not files.idle()
    with files.working() as wanted:
        assert not wanted
    threading.Timer(0.3, release.set).start()
    server.drain(timeout=20)
    assert files.idle()
    worker.join()
    server.process.wait()


def test_an_archive_that_is_cut_short_says_so(tmp_path):
    (tmp_path / "coronet.mar").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ServerError, match=r"coronet\.mar is damaged"), torchserve(tmp_path, CONFIG):
        pytest.fail("started")


def test_a_store_without_an_archive_says_how_to_make_one(tmp_path):
    with (
        pytest.raises(ServerError, match=rf"no coronet\.mar in {tmp_path}: make it with 'coronet archive"),
        torchserve(tmp_path, CONFIG),
    ):
        pytest.fail("started")
