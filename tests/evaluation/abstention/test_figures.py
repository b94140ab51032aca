"""Coverage and answers counted by hand; films outside told from those inside."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cli.main import main
from evaluation.abstention.figures import abstention_figures
from evaluation.abstention.judged import JudgedClassifier
from evaluation.abstention.outside import scope_area
from evaluation.abstention.study import open_outside, study_abstention
from evaluation.abstention.wording import coverage_table, outside_table, remarks
from evaluation.evaluate import evaluate
from model_src.calibration.judge import Judge
from model_src.calibration.judgement import InScope, Judgement
from model_src.calibration.reliability import Band
from model_src.errors import DataError, RunError
from tests.fixtures.calibrated import hand_set_calibration
from train.data.named_films import named_films

ANY = Band(0.0, 1.0, 10, 9)


def judgement(at_90: tuple[int, ...], *, inside: bool | None = True) -> Judgement:
    scope = None if inside is None else InScope(inside, 0.5 if inside else 2.0, 1.0, "")
    return Judgement({"90": at_90, "95": (0, 1, 2)}, ANY, scope)


def test_counts_by_hand(make_results) -> None:
    results = make_results([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2])
    results = [dataclasses.replace(each, source="a" if i < 5 else "b") for i, each in enumerate(results)]
    judged = [
        judgement((0,)),  # an answer, right
        judgement((0, 1)),  # two classes
        judgement((1,)),  # an answer, wrong
        judgement((1,), inside=False),  # out of scope
        judgement(()),  # none fits
        judgement((1,)),  # one class, but not the most probable one
    ]
    found = abstention_figures(list(zip(results, judged, strict=True)), {"95": ["COVID-19"]})
    counted = {(row.name, row.source): row.within["90"] for row in found.coverage}
    assert {name: (e.successes, e.total) for name, e in counted.items()} == {
        ("Healthy", ""): (2, 3), ("Pneumonia", ""): (1, 2), ("COVID-19", ""): (0, 1),
    }  # fmt: skip
    assert all(row.within["95"].value == 1 for row in found.coverage)
    assert found.sizes == {"90": {0: 1, 1: 4, 2: 1, 3: 0}, "95": {0: 0, 1: 0, 2: 0, 3: 6}}
    assert (found.answered.successes, found.answered.total) == (2, 6)
    assert (found.right.successes, found.right.total) == (1, 2)
    assert (found.right_of_others.successes, found.right_of_others.total) == (3, 4)
    assert {name: (e.successes, e.total) for name, e in found.in_scope.items()} == {
        "": (5, 6),
        "a": (4, 5),
        "b": (1, 1),
    }


def test_a_class_of_a_source_needs_five_films(make_results) -> None:
    results = make_results([0] * 5 + [1] * 4 + [2], [0] * 10)
    results = [dataclasses.replace(each, source="a" if i < 9 else "b") for i, each in enumerate(results)]
    found = abstention_figures([(each, judgement((0,), inside=None)) for each in results], {})
    assert [(row.name, row.source) for row in found.coverage if row.source] == [("Healthy", "a")]
    assert found.in_scope == {}


def test_the_area_is_that_of_pairs() -> None:
    def at(*scores: float) -> list[tuple[InScope, str]]:
        return [(InScope(score <= 1, score, 1.0, ""), f"patient of {score}") for score in scores]

    # Of 3 x 2 pairs, 5 are in order and one is not.
    assert scope_area(at(0.1, 0.2, 0.9), at(0.5, 3.0)).value == pytest.approx(5 / 6)
    assert scope_area(at(0.1), []).value is None
    assert scope_area(at(0.1), at(5.0)).value == 1


def test_films_of_one_patient_make_the_area_less_sure() -> None:
    scopes = [InScope(score <= 1, score, 1.0, "") for score in np.linspace(0, 2, 40)]
    inside, outside = scopes[:25], scopes[15:]

    def width(films_each: int) -> float:
        area = scope_area(
            [(scope, f"in {i // films_each}") for i, scope in enumerate(inside)],
            [(scope, f"out {i // films_each}") for i, scope in enumerate(outside)],
        )
        return area.high - area.low

    assert width(5) > 1.3 * width(1)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """White films, which the hand-set scope finds inverted, and one that is no image."""
    folder = tmp_path / "white films"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(np.full((32, 32), 255, np.uint8)).save(folder / f"{number}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def test_a_study_of_films_inside_and_outside(centre_reader, write_images, outside: Path) -> None:
    """The reader answers dark, middle and bright films rightly; its calibration is the hand-set one."""
    examples = write_images([0, 1, 2, 0, 1, 2])
    judge = Judge(hand_set_calibration())

    def classify(x: torch.Tensor):
        return type(centre_reader).classify(centre_reader, x)._replace(summary=torch.zeros(len(x), 640))

    centre_reader.classify = classify
    evaluation = evaluate(centre_reader, examples, [examples[0].path.parent], replicates=20, judge=judge)
    assert len(evaluation.judgements) == 6
    study = study_abstention(evaluation, judge, open_outside([outside], [], judge))
    white, made = study.outside
    assert (white.name, white.left_out.successes, white.left_out.total, white.unreadable) == ("white films", 4, 4, 1)
    assert white.area.value == 1
    assert made.left_out.total == 6 * 7 + 10 * 14
    # 80% sure of a class, whose limit is 50%: each set holds one class, the right one.
    assert study.figures.answered.value == study.figures.right.value == 1
    text = " ".join(remarks(study))
    assert "1 files of --outside cannot be read" in text
    assert "Every 95% set holds COVID-19: too few validation films to leave it out." in text
    assert coverage_table(study).row_count == 3
    assert outside_table(study).row_count == 2
    assert study.as_json()["outside"][0]["area"]["value"] == 1


def test_the_judge_sees_each_film_once_and_changes_no_answer(centre_reader) -> None:
    judged = JudgedClassifier(centre_reader, Judge(hand_set_calibration()))
    x = torch.rand(3, 1, 16, 16)
    assert torch.equal(judged.classify(x).probabilities, centre_reader.classify(x).probabilities)
    assert judged.scopes == [None] * 3  # no summary: no scope


def test_lists_are_looked_up(outside: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("white films/0.png\n\nwhite films/1.png\n", encoding="utf-8")
    assert named_films("--outside", listed, []) == [outside / "0.png", outside / "1.png"]
    listed.write_text("0.png\n", encoding="utf-8")
    assert named_films("--outside", listed, [outside]) == [outside / "0.png"]


def test_what_cannot_be_outside_is_one_line(tmp_path: Path) -> None:
    judge = Judge(hand_set_calibration())
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("nowhere.png\n", encoding="utf-8")
    for path, said in (
        (tmp_path / "missing", "does not exist; need a folder of images, or a list"),
        (tmp_path / "empty", "holds no image"),
        (tmp_path / "list.txt", "names nowhere.png, which is not there; give the folder with --roots"),
    ):
        with pytest.raises(DataError, match=said):
            open_outside([path], [], judge)
    unscoped = Judge(dataclasses.replace(hand_set_calibration(), scope=None))
    for none in (None, unscoped):
        with pytest.raises(RunError, match=r"--outside: this model's calibration does not say what is in scope"):
            open_outside([], [], none)


def test_the_command(calibrated_dir: Path, outside: Path, tmp_path: Path, capsys) -> None:
    draw = np.random.default_rng(0)
    for name, gray in (("Healthy", 200), ("Pneumonia", 20), ("COVID-19", 120)):
        folder = tmp_path / "data" / "test" / name
        folder.mkdir(parents=True)
        for number in range(2):
            pixels = draw.integers(gray - 10, gray + 10, (32, 32)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    out = tmp_path / "report"
    command = ["evaluate", str(calibrated_dir), str(tmp_path / "data"), "--out", str(out), "--explain", "--outside"]
    assert main([*command, str(outside), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "Prediction sets: how often they hold the true class" in said
    assert "white films" in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "It may say: I do not know" in page
    assert "no frontal chest film (generated)" in page
