"""Other trainings and the learning curve in the model card."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluation import model_card
from evaluation.card.beside import add_collection, add_curve, add_training
from evaluation.card.trainings import trainings
from model_src.errors import RunError

PRETRAINED = Path(__file__).parents[2] / "archive" / "pretrained"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A copy of the shipped run without trainings and curve."""
    folder = tmp_path / "published"
    shutil.copytree(PRETRAINED, folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({k: v for k, v in metrics.items() if k not in OURS}))
    return folder


OURS = ("trainings", "collections", "curve")


def report(published: Path, name: str, accuracy: float, **changes: Any) -> Path:
    """An evaluation of another training: as the published one's, with another accuracy."""
    found = copy.deepcopy(json.loads((published / "metrics.json").read_text())["test"]) | changes
    found["model"]["sha256"] = {"cin.pt": name}
    found["overall"]["accuracy"]["value"] = accuracy
    folder = published.parent / name
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(found))
    return folder


def set_accuracy(published: Path, value: float) -> None:
    metrics = json.loads((published / "metrics.json").read_text())
    metrics["test"]["overall"]["accuracy"]["value"] = value
    (published / "metrics.json").write_text(json.dumps(metrics))


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["model_card", *map(str, arguments)])
    return model_card.main()


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


def find(rows: list[dict[str, Any]], **named: str) -> dict[str, Any]:
    """The row that has these."""
    return next(row for row in rows if named.items() <= row.items())


def moved(figure: dict[str, Any]) -> tuple[str, str]:
    """Lowers a figure by 0.1; how its mean with the figure before is written, in percent or as a share."""
    high = figure["value"]
    low = figure["value"] = high - 0.1
    mean = (low + high) / 2
    return f"{mean * 100:.1f}% ({low * 100:.1f} to {high * 100:.1f})", f"{mean:.3f} ({low:.3f} to {high:.3f})"


def test_trainings_are_shown_in_every_table(published, tmp_path, monkeypatch):
    other = report(published, "seed1", 0.9)
    found = json.loads((other / "metrics.json").read_text())
    figures = {
        "Sensitivity, COVID-19 (Table 3)": find(found["paper"], name="Sensitivity, COVID-19")["ours"],
        "cohen | all | Pneumonia": find(found["honest"]["covid_against"], view="all", other="Pneumonia")["roc_auc"],
        "rsna": find(found["subgroups"], value="rsna")["overall"]["accuracy"],
        "PA": find(found["subgroups"], value="PA")["overall"]["accuracy"],
        "female": find(found["subgroups"], value="female")["per_class"]["Pneumonia"]["sensitivity"],
        "Cropped to the lungs": find(found["shortcuts"], title="Cropped to the lungs")["altered"]["accuracy"],
        "grad_cam": found["maps"]["methods"]["grad_cam"]["hit"],
        "*box prior*": found["maps"]["references"]["box prior"]["inside"],
        "Healthy | rsna": find(found["abstention"]["coverage"], name="Healthy", source="rsna")["within"]["90"],
        "openist": found["abstention"]["in_scope"]["openist"],
        "tuberculosis": find(found["abstention"]["outside"], name="tuberculosis")["area"],
    }
    means = {row: moved(figure) for row, figure in figures.items()}
    for rows in (found["subgroups"], found["shortcuts"], found["abstention"]["coverage"], found["paper"]):
        rows.reverse()  # a row is found by its name
    (other / "metrics.json").write_text(json.dumps(found))
    out = tmp_path / "CARD.md"
    assert command(monkeypatch, published, "--out", out, "--training", f"CoroNet={other}") == 0
    lines = out.read_text().splitlines()
    for row, (percent, share) in means.items():
        at = [number for number, line in enumerate(lines) if line.startswith(f"| {row} |")]
        beside = "\n".join(lines[number] + lines[number + 1] for number in at)
        assert percent in beside or share in beside, row
    own = find(json.loads((published / "metrics.json").read_text())["test"]["abstention"]["outside"], name="fibrosis")
    area = own["area"]["value"]
    assert f"| ↳ mean of 2 trainings | {area:.3f} ({area:.3f} to {area:.3f}) |" in "\n".join(lines)
    assert command(monkeypatch, published, "--out", out, "--check") == 0


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


def test_a_training_beside_the_paper_is_of_the_same_sources(published):
    found = json.loads((report(published, "seed1", 0.9) / "metrics.json").read_text())
    found["honest"]["paper_sources"] = ["elsewhere"]
    (published.parent / "seed1" / "metrics.json").write_text(json.dumps(found))
    add_training(published, "CoroNet", published.parent / "seed1")
    (kept,) = json.loads((published / "metrics.json").read_text())["trainings"]
    assert "paper" not in kept
    assert kept["subgroups"]


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
    asked = [elsewhere("second", {"cin.pt": "seed1"}, 17), elsewhere("first", own, 15)]
    out = tmp_path / "CARD.md"
    trained = f"CoroNet={report(published, 'seed1', 0.9)}"
    assert command(monkeypatch, published, "--out", out, "--training", trained, "--collection", *asked) == 0
    lines = out.read_text().splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("| cxr |"))
    assert lines[at].startswith("| cxr | 20 | 9 | 75.0% (0.0 to 100.0; 15 of 20) |")  # the card's own weights
    assert lines[at + 1].startswith("| ↳ mean of 2 trainings | | | 80.0% (75.0 to 85.0) |")
    with pytest.raises(RunError, match="found 21 films of 9 patients, need the 20 of 9 that 'cxr' already has"):
        add_collection(published, "cxr", Path(elsewhere("more", own, 15, images=21).removeprefix("cxr=")))


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
