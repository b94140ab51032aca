"""`coronet archive`."""

from __future__ import annotations

from cli import main as cli
from model_src.file_digest import file_digest


def test_says_what_it_made(artefact_dir, tmp_path, capsys):
    store = tmp_path / "a [store], with odd characters"
    assert cli.main(["archive", str(artefact_dir), "--out", str(store), "--version", "3"]) == 0
    archive = store / "coronet.mar"
    said = capsys.readouterr().out
    assert str(archive) in said
    assert file_digest(archive) in said


def test_missing_artefacts_are_one_line_and_status_1(tmp_path, capsys):
    assert cli.main(["archive", str(tmp_path), "--out", str(tmp_path / "store")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("coronet: ")
    assert said.count("\n") == 1
    assert "coronet export" in said
