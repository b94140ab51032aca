"""The learning curve in the model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.card.beside import add_curve
from model_src.errors import RunError
from tests.fixtures.published_run import command


def curve(path: Path, parts: tuple[str, ...] = ("validation", "test")) -> Path:
    """One way: two draws of 25 films, and one of 1,000."""

    def figures(value: float) -> dict[str, Any]:
        one = {"value": value, "low": 0.25, "high": 0.75, "successes": None, "total": 50}
        return {"covid_sensitivity": one, "balanced_accuracy": one}

    rows = [
        {"model": "film", "films": films, "draw": draw, **{part: figures(0.5 + draw / 10) for part in parts}}
        for films in (1000, 25)
        for draw in ((0, 2) if films < 1000 else (1,))
    ]
    path.write_text(json.dumps({"command": "python -m curve", "rows": rows}))
    return path


def test_a_curve_is_the_mean_of_its_draws(published, tmp_path, monkeypatch):
    out = tmp_path / "CARD.md"
    asked = ["--curve", curve(tmp_path / "curve.json"), "--remark", "No help."]
    assert command(monkeypatch, published, "--out", out, *asked) == 0
    assert "![" not in out.read_text()
    assert command(monkeypatch, published, "--out", out, *asked, "--curve-picture", "pictures/curve.png") == 0
    text = out.read_text()
    assert "](pictures/curve.png)" in text
    assert "Test films, by COVID-19 films in training" in text
    points = [line for line in text.splitlines() if line.startswith("| film |")]
    assert points == [
        "| film | 25 | 2 | 60.0% (50.0 to 70.0) | 60.0% (50.0 to 70.0) |",
        "| film | 1,000 | 1 | 60.0% (25.0 to 75.0) | 60.0% (25.0 to 75.0) |",
    ]
    assert "No help." in text


def test_a_curve_without_test_films_says_so(published, tmp_path):
    add_curve(published, curve(tmp_path / "curve.json", ("validation",)), [])
    assert json.loads((published / "metrics.json").read_text())["curve"]["part"] == "validation"


def test_what_is_no_curve_is_refused(published, tmp_path):
    (wrong := tmp_path / "wrong.json").write_text('{"rows": [{"model": "a"}]}')
    with pytest.raises(RunError, match="no learning curve"):
        add_curve(published, wrong, [])
