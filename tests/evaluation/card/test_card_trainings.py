"""Other trainings in the model card: their mean, lowest and highest in every table."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluation.card.beside import add_training
from evaluation.card.trainings import trainings
from model_src.errors import RunError
from tests.fixtures.published_run import command, report


def set_accuracy(published: Path, value: float) -> None:
    metrics = json.loads((published / "metrics.json").read_text())
    metrics["test"]["overall"]["accuracy"]["value"] = value
    (published / "metrics.json").write_text(json.dumps(metrics))


def find(rows: list[dict[str, Any]], **named: str) -> dict[str, Any]:
    """The row that has these."""
    return next(row for row in rows if named.items() <= row.items())


def cell(text: str, heading: str, row: str, column: int, below: int = 1) -> str:
    """What a column holds, in a row or in the one below, of the first such row after a heading."""
    lines = text[text.index(heading) :].splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"| {row} |"))
    if below:
        assert lines[at + below].startswith("| ↳ mean of 2 trainings |"), row
    return lines[at + below].split("|")[column + 1].strip()


def mean_of(figure: dict[str, Any], high: float, unit: str) -> str:
    """How the mean of a figure that was lowered, and of the one before (`high`), is written."""
    low = figure["value"]
    scale, digits, sign = (100, 1, "%") if unit == "percent" else (1, 3, "")
    mean = f"{(low + high) / 2 * scale:.{digits}f}{sign}"
    return f"{mean} ({low * scale:.{digits}f} to {high * scale:.{digits}f})"


def test_trainings_have_mean_lowest_and_highest(published, tmp_path, monkeypatch):
    set_accuracy(published, 0.8)
    others = [report(published, f"seed{number}", accuracy) for number, accuracy in ((1, 0.9), (2, 0.82))]
    film = report(published, "film", 0.7)
    out = tmp_path / "CARD.md"
    added = [f"CoroNet={others[0]}", f"CoroNet={others[1]}", f"A network on the film={film}"]
    assert command(monkeypatch, published, "--out", out, "--training", *added) == 0
    text = out.read_text()
    assert "| CoroNet | 3 | 84.0% (80.0 to 90.0) |" in text
    assert "| A network on the film | 1 | 70.0% (" in text
    (accuracy,) = (line for line in text.splitlines() if line.startswith("| accuracy |"))
    assert accuracy.endswith("| 84.0% (80.0 to 90.0) |")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for line, following in pairwise(rows):  # no table is torn
        if set(following) <= set("| -"):
            assert line.count("|") == following.count("|"), line
    assert command(monkeypatch, published, "--out", out, "--check") == 0


def test_trainings_are_shown_in_every_table(published, tmp_path, monkeypatch):
    other = report(published, "seed1", 0.9)
    found = json.loads((other / "metrics.json").read_text())
    groups, sets = found["subgroups"], found["abstention"]
    cropped = find(found["shortcuts"], title="Cropped to the lungs")
    maps, outside = found["maps"], find(sets["outside"], name="tuberculosis")
    rsna = find(sets["coverage"], name="Healthy", source="rsna")["within"]
    figures: list[tuple[dict[str, Any], str, str, int]] = [  # where the card shows it: heading, row, column
        (find(groups, value="rsna")["overall"]["accuracy"], "### Source", "rsna", 2),
        (find(groups, value="PA")["per_class"]["Healthy"]["sensitivity"], "### View", "PA", 3),
        (find(groups, fact="sex", value="unknown")["overall"]["accuracy"], "### Sex", "unknown", 2),
        (find(groups, fact="age", value="18 to 39")["per_class"]["Pneumonia"]["sensitivity"], "### Age", "18 to 39", 4),
        (cropped["altered"]["accuracy"], "## Does it read", "Cropped to the lungs", 1),
        (cropped["altered"]["covid_roc_auc"], "## Does it read", "Cropped to the lungs", 3),
        (maps["methods"]["grad_cam"]["hit"], "## Do its maps", "grad_cam", 1),
        (maps["methods"]["grad_cam"]["overlap"], "## Do its maps", "grad_cam", 2),
        (maps["methods"]["saliency"]["precision_recall"], "## Do its maps", "saliency", 3),
        (maps["references"]["box prior"]["inside"], "## Do its maps", "*box prior*", 4),
        (rsna["90"], "## It may say", "Healthy | rsna", 2),
        (rsna["95"], "## It may say", "Healthy | rsna", 3),
        (sets["in_scope"]["openist"], "| source | in scope |", "openist", 1),
        (outside["area"], "| films | ROC area", "tuberculosis", 1),
        (outside["left_out"], "| films | ROC area", "tuberculosis", 2),
    ]
    before = [figure["value"] for figure, *_ in figures]
    for figure, *_ in figures:
        figure["value"] -= 0.1
    cropped["change"]["accuracy"]["value"] -= 0.1
    for rows in (groups, found["shortcuts"], sets["coverage"], found["paper"]):
        rows.reverse()  # a row is found by its name
    (other / "metrics.json").write_text(json.dumps(found))
    out = tmp_path / "CARD.md"
    assert command(monkeypatch, published, "--out", out, "--training", f"CoroNet={other}") == 0
    text = out.read_text()
    for (figure, heading, row, column), high in zip(figures, before, strict=True):
        shown = cell(text, heading, row, column)
        assert shown in (mean_of(figure, high, "percent"), mean_of(figure, high, "share")), (heading, row, column)
    low = cropped["change"]["accuracy"]["value"] * 100
    shown = f"{low + 5:+.1f} ({low:+.1f} to {low + 10:+.1f})"
    assert cell(text, "## Does it read", "Cropped to the lungs", 2) == shown
    own = find(groups, fact="view", value="unknown")["overall"]["accuracy"]["value"] * 100  # not that of the sex
    assert cell(text, "### View", "unknown", 2) == f"{own:.1f}% ({own:.1f} to {own:.1f})"
    rows = [line for line in text.splitlines() if line.startswith("|")]
    columns = 0
    for line, following in pairwise([*rows, ""]):  # no table is torn
        columns = line.count("|") if set(following) <= set("| -") else columns
        assert line.count("|") == columns, line
    assert command(monkeypatch, published, "--out", out, "--check") == 0


def test_trainings_are_shown_beside_the_paper_within_a_source_and_by_prevalence(published, tmp_path, monkeypatch):
    other = report(published, "seed1", 0.9)
    found = json.loads((other / "metrics.json").read_text())
    beside = find(found["paper"], name="Sensitivity, COVID-19")["ours"]
    within = find(found["honest"]["covid_against"], view="all", other="Pneumonia")["roc_auc"]
    sensitivity = found["per_class"]["Pneumonia"]["sensitivity"]
    answered = found["abstention"]["answered"]
    figures = (beside, within, answered, sensitivity)
    before = [figure["value"] for figure in figures]
    for figure in figures:
        figure["value"] -= 0.1
    (other / "metrics.json").write_text(json.dumps(found))
    out = tmp_path / "CARD.md"
    assert command(monkeypatch, published, "--out", out, "--training", f"CoroNet={other}") == 0
    text = out.read_text()
    shown = cell(text, "## Beside the paper", "Sensitivity, COVID-19 (Table 3)", 3, below=0)
    assert shown == mean_of(beside, before[0], "percent")
    shown = cell(text, "## Where no source", "cohen | all | Pneumonia", 6, below=0)
    assert shown == mean_of(within, before[1], "share")
    assert f"Over 2 trainings: answered {mean_of(answered, before[2], 'percent')}, rightly " in text
    for name, moves in (("Pneumonia", True), ("COVID-19", False)):  # PPV follows each training's own figures
        ends = cell(text, "## What a positive", name, 1).partition("(")[2].rstrip(")").split(" to ")
        assert (ends[0] != ends[1]) == moves


def test_a_training_that_was_asked_less_adds_no_rows(published, tmp_path, monkeypatch):
    other = report(published, "seed1", 0.9)
    found = json.loads((other / "metrics.json").read_text())
    for name in ("maps", "shortcuts", "abstention", "subgroups", "honest", "paper"):
        found[name] = None
    (other / "metrics.json").write_text(json.dumps(found))
    out = tmp_path / "CARD.md"
    assert command(monkeypatch, published, "--out", out, "--training", f"CoroNet={other}") == 0
    text = out.read_text()
    assert text.count("↳ mean of 2 trainings") == 3  # what a positive answer is worth: three classes
    assert "Over 2 trainings" not in text


def test_a_training_that_was_asked_of_other_films_adds_no_rows(published, tmp_path, monkeypatch):
    other = report(published, "seed1", 0.9)
    found = json.loads((other / "metrics.json").read_text())
    found["maps"]["films_with_boxes"]["measured"] -= 1
    found["abstention"]["outside"][0]["left_out"]["total"] += 1
    del found["abstention"]["in_scope"]["openist"]
    found["shortcuts"] = [probe for probe in found["shortcuts"] if probe["title"] != "Cropped to the lungs"]
    (other / "metrics.json").write_text(json.dumps(found))
    out = tmp_path / "CARD.md"
    assert command(monkeypatch, published, "--out", out, "--training", f"CoroNet={other}") == 0
    lines = out.read_text().splitlines()
    for row in ("grad_cam | ", "tuberculosis | 0.", "openist | 9", "Cropped to the lungs"):
        (at,) = (number for number, line in enumerate(lines) if line.startswith(f"| {row}") and "stood" not in line)
        assert "↳" not in lines[at + 1], row


def test_a_training_beside_the_paper_is_of_the_same_sources(published):
    found = json.loads((report(published, "seed1", 0.9) / "metrics.json").read_text())
    found["honest"]["paper_sources"] = ["elsewhere"]
    (published.parent / "seed1" / "metrics.json").write_text(json.dumps(found))
    add_training(published, "CoroNet", published.parent / "seed1")
    (kept,) = json.loads((published / "metrics.json").read_text())["trainings"]
    assert "paper" not in kept
    assert kept["subgroups"]


def test_a_training_is_kept_once(published):
    for accuracy in (0.9, 0.7):
        folder = report(published, "same", accuracy)
        add_training(published, "CoroNet", folder)
        shutil.rmtree(folder)
    (own,) = trainings(json.loads((published / "metrics.json").read_text()))
    assert len(own.reports) == 2
    assert own.reports[1]["overall"]["accuracy"]["value"] == 0.7


def test_a_figure_that_one_training_lacks_has_no_mean(published):
    add_training(published, "CoroNet", report(published, "other", None))  # type: ignore[arg-type]
    (own,) = trainings(json.loads((published / "metrics.json").read_text()))
    assert own.over("overall", "accuracy") == {"value": None}


def test_evaluations_of_other_films_are_refused(published, tmp_path):
    before = (published / "metrics.json").read_bytes()
    with pytest.raises(RunError, match="found 9 films of 3 patients, need the "):
        add_training(published, "CoroNet", report(published, "few", 0.9, images=9, patients=3))
    with pytest.raises(RunError, match="cannot be read"):
        add_training(published, "CoroNet", tmp_path / "nothing")
    for text in ("[]", "{}"):
        (folder := tmp_path / "wrong").mkdir(exist_ok=True)
        (folder / "metrics.json").write_text(text)
        with pytest.raises(RunError, match="need"):
            add_training(published, "CoroNet", folder)
    assert (published / "metrics.json").read_bytes() == before


def test_the_weights_themselves_are_no_other_training(published, tmp_path):
    (folder := tmp_path / "own").mkdir()
    (folder / "metrics.json").write_text(json.dumps(json.loads((published / "metrics.json").read_text())["test"]))
    with pytest.raises(RunError, match=r"is of the weights in .* themselves"):
        add_training(published, "CoroNet", folder)


def test_a_training_without_a_name_is_one_clear_line(published, tmp_path, monkeypatch, capsys):
    for text in ("build/report", "=build/report", "CoroNet="):
        assert command(monkeypatch, published, "--out", tmp_path / "CARD.md", "--training", text) == 1
        assert f"found {text!r}, need NAME=REPORT_DIR" in capsys.readouterr().err
    assert not (tmp_path / "CARD.md").exists()
