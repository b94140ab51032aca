"""Other collections of films in the model card."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from evaluation.card.beside import add_collection
from model_src.errors import RunError
from tests.fixtures.published_run import command, report


def test_other_collections_are_of_the_same_weights(published, tmp_path, monkeypatch, capsys):
    metrics = json.loads((published / "metrics.json").read_text())
    elsewhere = metrics["test"] | {"images": 20, "patients": 9}
    elsewhere["overall"]["accuracy"] |= {"value": 0.75, "low": 0.53, "high": 0.89, "successes": 15, "total": 20}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "metrics.json").write_text(json.dumps(elsewhere))
    out = tmp_path / "CARD.md"
    for _ in range(2):  # the later replaces the earlier
        assert command(monkeypatch, published, "--out", out, "--collection", f"cxr={tmp_path / 'elsewhere'}") == 0
    assert out.read_text().count("| cxr | 20 | 9 | 75.0% (53.0 to 89.0; 15 of 20) |") == 1
    other = report(published, "seed1", 0.9)
    assert command(monkeypatch, published, "--out", out, "--collection", f"cxr={other}") == 1
    assert "is of other weights than the evaluations in" in capsys.readouterr().err
    (other / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match="has no evaluation; need a folder written by coronet evaluate"):
        add_collection(published, "cxr", other)


def test_other_trainings_are_asked_about_other_collections(published, tmp_path, monkeypatch):
    def elsewhere(name: str, digests: dict[str, str], hits: int, **changes: int) -> str:
        found = copy.deepcopy(json.loads((published / "metrics.json").read_text())["test"])
        found |= {"images": 20, "patients": 9} | changes
        found["overall"]["accuracy"] |= {"value": hits / 20, "low": 0.0, "high": 1.0, "successes": hits, "total": 20}
        found["model"]["sha256"] = digests
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(found))
        return f"cxr={tmp_path / name}"

    own = json.loads((published / "metrics.json").read_text())["test"]["model"]["sha256"]
    first, second = elsewhere("first", own, 15), elsewhere("second", {"cin.pt": "seed1"}, 17)
    out = tmp_path / "CARD.md"
    assert (
        command(monkeypatch, published, "--out", out, "--training", f"CoroNet={report(published, 'seed1', 0.9)}") == 0
    )
    with pytest.raises(RunError, match=r"is of another training; add a report of .* itself as 'cxr' first"):
        add_collection(published, "cxr", Path(second.removeprefix("cxr=")))
    assert command(monkeypatch, published, "--out", out, "--collection", first, second) == 0
    assert "| cxr | 20 | 9 | 75.0% (0.0 to 100.0; 15 of 20) |" in out.read_text()  # the card's own weights
    assert "| ↳ mean of 2 trainings | | | 80.0% (75.0 to 85.0) |" in out.read_text()
    with pytest.raises(RunError, match=r"found 21 films of 9 patients, need the 20 of 9 that .* as 'cxr'"):
        add_collection(published, "cxr", Path(elsewhere("more", {"cin.pt": "seed1"}, 17, images=21)[4:]))
    assert command(monkeypatch, published, "--out", out, "--collection", elsewhere("own", own, 16, images=21)) == 0
    (kept,) = json.loads((published / "metrics.json").read_text())["collections"]  # the other's were other films
    assert (kept["images"], kept["accuracy"]["successes"]) == (21, 16)


def test_collections_of_weights_that_are_not_the_cards_are_not_shown(published, tmp_path, monkeypatch):
    metrics = json.loads((published / "metrics.json").read_text())
    rate = {"value": 0.5, "low": 0.2, "high": 0.8, "successes": 5, "total": 10}
    old = {"name": "old", "sha256": {"cin.pt": "before"}, "images": 10, "patients": 10, "accuracy": rate}
    (published / "metrics.json").write_text(json.dumps(metrics | {"collections": [old | {"sensitivity": {}}]}))
    assert command(monkeypatch, published, "--out", tmp_path / "CARD.md") == 0
    assert "## Other collections" not in (tmp_path / "CARD.md").read_text()
