"""The model card: made from the figures beside the weights, each section where its figures are."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluation import model_card
from evaluation.card.render import card_of, render_card
from evaluation.evaluate import evaluate
from evaluation.intervals import rate
from evaluation.paper import paper_facts
from evaluation.prevalence import ppv_at
from model_src.errors import RunError

ROOT = Path(__file__).parents[2]
PRETRAINED = ROOT / "archive" / "pretrained"


def parts() -> tuple[dict[str, Any], dict[str, Any]]:
    """metrics.json and run.json of the shipped model, to change."""
    return json.loads((PRETRAINED / "metrics.json").read_text()), json.loads((PRETRAINED / "run.json").read_text())


def card(metrics: dict[str, Any], run: dict[str, Any]) -> str:
    return render_card(metrics, run, [], {"cin.pt": 22_400_000, "fpae_healthy.pt": 100_000})


def test_the_card_is_that_of_the_shipped_weights() -> None:
    assert (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8") == card_of(PRETRAINED), (
        "write it again: python -m evaluation.model_card archive/pretrained"
    )


def test_the_shipped_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in PRETRAINED.glob("*.pt")) <= 25e6


def test_a_card_of_other_weights_is_refused(tmp_path: Path) -> None:
    run = shutil.copytree(PRETRAINED, tmp_path / "run")
    with (run / "cin.pt").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(RunError, match="has an evaluation of other weights"):
        card_of(run)
    (run / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match="has no evaluation; add one with"):
        card_of(run)


def test_the_command_writes_and_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["model_card", *map(str, arguments)])
        return model_card.main()

    out = tmp_path / "CARD.md"
    assert run(PRETRAINED, "--out", out, "--check") == 1
    assert run(PRETRAINED, "--out", out) == 0
    assert run(PRETRAINED, "--out", out, "--check") == 0
    out.write_text(out.read_text().replace("| accuracy |", "| accuracy, nearly |"))
    assert run(PRETRAINED, "--out", out, "--check") == 1
    assert "CARD.md: is not the card of" in capsys.readouterr().err
    assert run(tmp_path, "--out", out) == 1


def test_it_says_that_earlier_models_were_evaluated_on_the_same_films() -> None:
    metrics, run = parts()
    for count, said in ((0, None), (1, "1 other model was evaluated on"), (2, "2 other models were evaluated on")):
        metrics["test"]["earlier_models"] = count
        written = " ".join(card(metrics, run).split())
        assert said in written if said else "evaluated on the same films" not in written


def test_a_section_without_figures_is_left_out() -> None:
    metrics, run = parts()
    for name in ("shortcuts", "subgroups", "honest", "maps", "abstention", "paper"):
        metrics["test"].pop(name, None)
    for name in ("curve", "trainings", "collections"):
        metrics.pop(name, None)
    headings = [line for line in card(metrics, run).splitlines() if line.startswith("## ")]
    assert headings == [
        "## What it is", "## Data", "## Results", "## What a positive answer is worth elsewhere", "## Not for",
        "## Repeat it",
    ]  # fmt: skip


def test_figures_reach_their_sections(centre_reader, write_images) -> None:
    examples = [
        *write_images([0, 1, 2] * 4, source="one"),
        *write_images([2] * 10, shown=[2] * 9 + [0], source="two"),
        *write_images([0] * 3, source="new"),
    ]
    centre_reader.provenance["data"] = {"train_sources": {"one": {}, "two": {}}}
    found = evaluate(centre_reader, examples, [], replicates=20, paper_sources=["one"])
    metrics, run = parts()
    metrics["test"] |= {
        "subgroups": [group.as_json() for group in found.subgroups],
        "honest": found.honest.as_json(),
        "paper": paper_facts(found.honest.paper),
    }
    half = rate(5, 10).as_json()
    metrics["curve"] = {
        "command": "python -m somewhere",
        "part": "test",
        "rows": [{"model": "CoroNet", "films": 1000, "draws": 3, "covid_sensitivity": half, "balanced_accuracy": half}],
        "remarks": ["No help."],
    }
    run["data"]["train_sources"] = {"rsna": {"Healthy": 1234, "Pneumonia": 2, "COVID-19": 0}}
    run["data"]["not_covid"] = {"tuberculosis": 146, "fibrosis": 27}
    run["data"]["reads"] = {"file": "r.csv", "changed": {"Pneumonia to Healthy": 32}, "left_out": {}}
    text = card(metrics, run)
    assert "this one on sources one (12 films)" in text
    assert "| Sensitivity, COVID-19 (Table 3) | 90.00% | 100.0% (51.0 to 100.0; 4 of 4) |" in text
    assert (
        "| two | 10 | 90.0% (59.6 to 98.2; 9 of 10) | - | - | 90.0% (59.6 to 98.2; 9 of 10) | only COVID-19 comes"
        in text
    )
    assert "Sources that training never saw:" in text
    assert "| new | 3 | - | - | - | - | fewer than 10 films: no figure |" in text
    assert "| one | all | Pneumonia | fewer than 5 films of a class | 4 | 4 |" in text
    assert "| CoroNet | 1,000 | 3 | 50.0% (23.7 to 76.3; 5 of 10) | 50.0% (23.7 to 76.3; 5 of 10) |" in text
    assert "No help." in text
    assert "told only that they are not COVID-19: 146 of tuberculosis, 27 of fibrosis." in text
    assert "| rsna | 1,234 | 2 | 0 | RSNA Pneumonia Detection Challenge 2018" in text
    assert "changed labels of training films: 32 Pneumonia to Healthy; left out as neither class: none." in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for line, following in pairwise(rows):  # no table is torn
        if set(following) <= set("| -"):
            assert line.count("|") == following.count("|"), line


def test_a_positive_answer_is_worth_less_where_the_class_is_rare() -> None:
    # 90 of 100 found, 10 of 100 others called so: at 1%, 0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.99) = 0.009 / 0.108.
    at = [ppv_at(rate(90, 100), rate(90, 100), prevalence) for prevalence in (0.01, 0.5)]
    assert at[0].value == pytest.approx(0.009 / 0.108)
    assert at[1].value == pytest.approx(0.9)
    # Odds ratio 9; Wilson: 0.8256 to 0.9448, and alarms 0.0552 to 0.1744.
    # log 9 -+ hypot(log(.9/.8256), log(.1744/.1)) = 9 / 1.755, hypot(log(.9448/.9), log(.1/.0552)) = 9 * 1.814.
    assert at[1].low == pytest.approx(5.128 / 6.128, abs=2e-3)
    assert at[1].high == pytest.approx(16.32 / 17.32, abs=2e-3)


def test_a_positive_answer_of_a_class_without_false_alarms() -> None:
    perfect = ppv_at(rate(10, 10), rate(50, 50), 0.01)
    assert perfect.value == 1.0
    assert perfect.high == 1.0
    assert perfect.low is not None
    assert 0 < perfect.low < 0.2  # 50 films cannot say that of a hundred none is called so
    assert ppv_at(rate(0, 10), rate(50, 50), 0.01).note == "no film was called so"
    assert ppv_at(rate(0, 10), rate(40, 50), 0.01).value == 0.0
    assert ppv_at(rate(0, 0), rate(5, 5), 0.01).value is None


def test_maps_stand_beside_maps_that_know_nothing() -> None:
    metrics, run = parts()
    figures = {
        **{name: rate(30, 40).as_json() for name in ("hit", "overlap", "precision_recall", "inside")},
        "inside_of": {},
        "seconds": 1.0,
    }
    counts = {"marked": 90, "told_rightly": 80, "measured": 40}
    metrics["test"]["maps"] = {
        "films_with_boxes": counts,
        "films_with_lung_masks": counts,
        "methods": {"grad_cam": figures},
        "references": {"box prior": figures},
    }
    text = render_card(metrics, run, [], {"cin.pt": 1}, {"grad_cam": "stood 1 of 4 tests"})
    assert "40 of 80 with radiologists' boxes" in text
    assert "| grad_cam | 75.0% (" in text
    assert "| *box prior* | 75.0% (" in text
    assert "| grad_cam | stood 1 of 4 tests |" in text
