"""`coronet ready`: exit status for supervisors, one line of why not."""

from __future__ import annotations

from client.cli import main

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
