"""`coronet pacs`: what is wrong is one line; folder mode by options and by mercure's variables."""

from __future__ import annotations

import json
import re
import socket

import pytest

from cli.main import main
from client.tokens import TOKEN_VARIABLE
from launcher.torchserve_config import free_ports
from tests.fixtures.films import film
from tests.fixtures.scoring_server import TOKEN, ScoringServer


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variable in ("MERCURE_IN_DIR", "MERCURE_OUT_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("words", [[], ["status"], ["retry"]])
def test_without_settings_it_says_what_to_do(words, capsys):
    assert main(["pacs", *words]) == 1
    assert capsys.readouterr().err.startswith(
        "coronet: found no settings at pacs.yaml: write them (docs/how-to/pacs.md)"
    )


@pytest.mark.parametrize("taken", ["metrics_port", "listen"])
def test_a_port_that_is_taken_is_one_line(taken, tmp_path, capsys):
    ports = dict(zip(("metrics_port", "listen"), free_ports(2), strict=True))
    (tmp_path / "pacs.yaml").write_text(
        f"""
        listen: {{port: {ports["listen"]}, callers: [PACS]}}
        targets: [{{name: pacs, dicom: {{host: 127.0.0.1, port: 1, ae_title: PACS}}}}]
        metrics_port: {ports["metrics_port"]}
        """
    )
    with socket.create_server(("127.0.0.1", ports[taken])):
        assert main(["pacs"]) == 1
    assert re.fullmatch(rf"coronet: {taken}: .*port {ports[taken]} cannot be had .*\n", capsys.readouterr().err)


def test_a_method_that_is_none_is_found_before_a_film_comes(tmp_path, capsys):
    (tmp_path / "pacs.yaml").write_text(
        """
        listen: {callers: [PACS]}
        targets: [{name: pacs, dicom: {host: 127.0.0.1, port: 1, ae_title: PACS}}]
        explanation: {method: gradcam}
        """
    )
    assert main(["pacs"]) == 1
    assert "explanation.method: found 'gradcam', need one of meaningful_perturbation" in capsys.readouterr().err


def test_half_a_folder_mode_is_refused(tmp_path, capsys):
    assert main(["pacs", "--in", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "coronet: found one of --in and --out, need both for folder mode, or none for the node\n"
    )


@pytest.mark.parametrize("words", [["--url", "http://127.0.0.1:1"], ["--token", "t"], ["--token-file", "f"]])
def test_options_that_the_node_would_not_look_at_are_refused(words, capsys):
    assert main(["pacs", *words]) == 1
    assert "need server.url and server.token_file in pacs.yaml for the node" in capsys.readouterr().err


def test_mercure_needs_no_options(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.dcm").write_bytes(film(1))
    monkeypatch.setenv("MERCURE_IN_DIR", str(tmp_path / "in"))
    monkeypatch.setenv("MERCURE_OUT_DIR", str(tmp_path / "out"))
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    scoring = ScoringServer()
    try:
        assert main(["pacs", "--url", scoring.url]) == 0
    finally:
        scoring.stop()
    assert json.loads((tmp_path / "out" / "result.json").read_text())["results"][0]["label"] == "Pneumonia"
    assert capsys.readouterr().out == "film.dcm: Pneumonia, 2 objects\n"
