"""`coronet ready`: exit status for supervisors, one line of why not."""

from __future__ import annotations

import json

import pytest

from cli.main import main
from client.tokens import ServerRecord, write_record

BUSY = (503, {"code": 503, "type": "ServiceUnavailableException", "message": "no worker"})


def test_a_model_that_answers(fake_server, capsys):
    assert main(["ready", "--url", fake_server.url, "--token", "secret"]) == 0
    assert capsys.readouterr().out == f"{fake_server.url} answers\n"
    assert [request.path.split("/")[1] for request in fake_server.requests] == ["predictions", "explanations"]


def test_one_that_does_not_is_told_in_one_line(fake_server, capsys):
    fake_server.answers = [BUSY]
    assert main(["ready", "--url", fake_server.url, "--token", "secret"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("coronet: not ready: ")
    assert "503" in told.err
    assert told.err.count("\n") == 1
    assert len(fake_server.requests) == 1


def test_waiting_for_it(fake_server):
    fake_server.answers = [BUSY, BUSY]
    assert main(["ready", "--url", fake_server.url, "--token", "secret", "--wait", "20"]) == 0
    assert len(fake_server.requests) == 4


def test_waiting_ends(fake_server):
    fake_server.answers = [BUSY] * 10
    assert main(["ready", "--url", fake_server.url, "--token", "secret", "--wait", "0.6"]) == 1
    assert len(fake_server.requests) == 3


def test_no_server_and_no_token(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("CORONET_TOKEN", raising=False)
    assert main(["ready", "--url", "http://127.0.0.1:1"]) == 1
    assert "not ready: no token for http://127.0.0.1:1" in capsys.readouterr().err


@pytest.fixture
def own_server(fake_server, tmp_path, monkeypatch):
    """The fake as a server that `coronet serve` of this user started, which answers management too."""
    port = int(fake_server.url.rpartition(":")[2])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("CORONET_TOKEN", raising=False)
    state = tmp_path / "coronet" / f"serve-{port}"
    state.mkdir(parents=True)
    keys = {kind: {"key": "secret"} for kind in ("inference", "management", "API")}
    (state / "key_file.json").write_text(json.dumps(keys))
    write_record(ServerRecord(fake_server.url, fake_server.url, 1, str(state / "key_file.json")), state)
    return fake_server


def pool(*statuses):
    return (200, [{"workers": [{"status": status} for status in statuses]}])


@pytest.mark.parametrize(
    ("pools", "status"),
    [
        ([pool("READY", "UNLOADING"), pool("READY")], 0),
        ([pool("READY"), (404, {})], 0),  # no explanation pool
        ([pool("READY"), pool("UNLOADING")], 1),
        ([pool(), pool("READY")], 1),
        ([(404, {}), (404, {})], 1),
    ],
)
def test_busy_is_not_dead(own_server, capsys, pools, status):
    own_server.answers = [BUSY, *pools]
    assert main(["ready", "--url", own_server.url]) == status
    told = capsys.readouterr()
    assert ("is busy, its workers are there" in told.out) == (status == 0)
    assert ("not ready" in told.err) == (status == 1)


def test_a_worker_that_died_is_no_busy_one(own_server):
    own_server.answers = [(500, {"code": 500, "type": "InternalServerException", "message": "Worker died."})]
    assert main(["ready", "--url", own_server.url]) == 1
    assert len(own_server.requests) == 1
