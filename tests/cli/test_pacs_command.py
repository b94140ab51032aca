"""`coronet pacs`: what is wrong is one line; folder mode by options and by mercure's variables."""

from __future__ import annotations

import json

import pytest

from cli.main import main
from client.tokens import TOKEN_VARIABLE
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


def test_half_a_folder_mode_is_refused(tmp_path, capsys):
    assert main(["pacs", "--in", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "coronet: found one of --in and --out, need both for folder mode, or none for the node\n"
    )


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
