"""`coronet bench` on the fake server: what is sent, what is printed, and when it fails."""

from __future__ import annotations

import json

import pytest

from cli.commands.bench import HEADING, row
from cli.main import main
from client.http import gray_png
from client.load import Load

REFUSED = (400, {"code": 400, "type": "InvalidImage", "message": "found text"})


def bench(server, *options: object) -> int:
    return main(["bench", "--url", server.url, "--token", "secret", "--seconds", "0.2", *map(str, options)])


def test_a_row_of_the_table():
    load = Load(clients=4, seconds=10.0, waits=[0.1] * 19 + [2.0], failures=["x"])
    assert row(load) == "| 4 | 20 | 1 | 2.00 | 100 ms | 100 ms | 2000 ms |"


def test_a_row_for_each_number_of_clients(fake_server, capsys):
    assert bench(fake_server, "--clients", "1,3") == 0
    told = capsys.readouterr().out
    assert told.startswith(HEADING + "\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.splitlines()[2:]]
    assert [line[0] for line in rows] == ["1", "3"]
    assert all(line[2] == "0" for line in rows)
    # Every request was counted, but for the one that asks whether there is a server.
    assert sum(int(line[1]) for line in rows) == len(fake_server.requests) - 1
    assert {request.body for request in fake_server.requests} == {gray_png(512)}


def test_images_are_sent_in_turn(fake_server, tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        path.write_bytes(path.name.encode())
    assert bench(fake_server, "--clients", "1", *paths) == 0
    bodies = [request.body for request in fake_server.requests]
    assert bodies[:4] == [b"a.png", b"a.png", b"b.png", b"a.png"]  # the first asks whether there is a server


def test_json(fake_server, capsys):
    assert bench(fake_server, "--clients", "2", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["clients"], found["failed"]) == (2, 0)
    assert found["answered"] == len(fake_server.requests) - 1
    assert 0 < found["p50"] <= found["p95"] <= found["p99"]


def test_a_failed_request_is_counted_and_told(fake_server, capsys):
    fake_server.on_request = lambda request: fake_server.answers.extend(
        [REFUSED] if len(fake_server.requests) == 3 else []
    )
    assert bench(fake_server, "--clients", "1") == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[2].split(" | ")[2] == "1"
    assert told.err == "coronet: 1 requests failed, the first with: InvalidImage: found text\n"


def test_an_image_that_the_server_refuses_is_told_before_the_load(fake_server, capsys):
    fake_server.answers = [REFUSED]
    assert bench(fake_server) == 1
    assert len(fake_server.requests) == 1
    assert capsys.readouterr() == ("", "coronet: found text\n")


def test_a_missing_file_sends_nothing(fake_server, tmp_path, capsys):
    assert bench(fake_server, tmp_path / "none.png") == 1
    assert fake_server.requests == []
    assert "none.png: cannot be read: No such file" in capsys.readouterr().err


def test_no_server_is_one_line(capsys):
    assert main(["bench", "--url", "http://127.0.0.1:1", "--token", "x"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "options", [["--clients", "0"], ["--clients", "1,,2"], ["--clients", ""], ["--clients", "x"], ["--seconds", "0"]]
)
def test_wrong_usage(fake_server, options):
    with pytest.raises(SystemExit) as exit:
        bench(fake_server, *options)
    assert exit.value.code == 2
    assert fake_server.requests == []


@pytest.mark.parametrize("numbers", ["0", "1,x", "", "1,,2", "-3"])
def test_wrong_numbers_of_clients_are_told_what_is_needed(numbers, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["bench", f"--clients={numbers}"])
    assert f"found {numbers!r}, need whole numbers from 1" in capsys.readouterr().err
