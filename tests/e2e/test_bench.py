"""`coronet bench` on the real server."""

from __future__ import annotations

import json

from cli.main import main


def test_a_short_load_is_answered_without_a_failure(server, capsys):
    options = ["--url", server.url, "--token-file", str(server.token.file), "--clients", "1,4", "--seconds", "1"]
    assert main(["bench", *options, "--json"]) == 0
    loads = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [load["clients"] for load in loads] == [1, 4]
    assert all(load["failed"] == 0 and load["answered"] >= load["clients"] for load in loads)
