"""`coronet bench`: tables, JSON, and what it refuses."""

from __future__ import annotations

import json

import pytest

from client.cli import main


def test_a_line_per_number_of_clients(fake_server, xray_png, capsys):
    options = ["--url", fake_server.url, "--token", "secret", "--seconds", "0.2", "--clients", "1,3"]
    assert main(["bench", str(xray_png), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["clients", "---", "1", "3"]
    assert fake_server.requests[-1].body == xray_png.read_bytes()
    assert main(["bench", *options, "--json"]) == 0
    figures = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(found["clients"], found["failed"]) for found in figures] == [(1, 0), (3, 0)]
    assert 0 < figures[0]["p50"] <= figures[0]["p99"] < 2


def test_failed_requests_are_counted_and_make_status_1(fake_server, capsys):
    fake_server.answers = [(200, {"label": "Healthy"}), (500, {"code": 500, "type": "InternalError", "message": "no"})]
    options = ["--url", fake_server.url, "--token", "secret", "--seconds", "0.2", "--clients", "1"]
    assert main(["bench", *options]) == 1
    assert "1 requests failed, the first with: InternalError: no" in capsys.readouterr().err


@pytest.mark.parametrize("clients", ["0", "two", "1,,2", ""])
def test_clients_are_positive_numbers(clients, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--clients", clients])
    assert ended.value.code == 2
    assert "--clients" in capsys.readouterr().err


def test_no_server_and_no_image_are_one_line(tmp_path, capsys):
    assert main(["bench", "--url", "http://127.0.0.1:1", "--token", "x"]) == 1
    assert main(["bench", str(tmp_path / "none.png")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
