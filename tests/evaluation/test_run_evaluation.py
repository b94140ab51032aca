"""Several directories in one evaluation."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from evaluation.run_evaluation import EvaluationOptions, _named_below, run_evaluation
from model_src.errors import DataError
from train.runs.run_folder import RunFolder


def test_films_of_several_directories_have_paths_of_their_own() -> None:
    assert _named_below([Path("data/a")]) == [Path("data/a")]
    assert _named_below([Path("data/a"), Path("data/b/c")]) == [Path("data")]
    assert _named_below([Path("a"), Path("b")]) == [Path()]
    assert Path("a/x.png").is_relative_to(Path())
    assert _named_below([Path("a"), Path("/b")]) == []


@pytest.fixture
def two(stripes: Path, tmp_path: Path) -> list[Path]:
    """Two directories of the same file names, the second with reads of all its Healthy and Pneumonia films."""
    made = []
    for name in ("one", "two"):
        made.append(shutil.copytree(stripes, tmp_path / name))
        rows = [f"{path.relative_to(made[-1] / 'train').as_posix()},{name},PA" for path in made[-1].rglob("*.png")]
        (made[-1] / "metadata.csv").write_text("\n".join(["path,source,view", *rows]))
    return made


def test_two_directories_are_evaluated_as_one(whole: RunFolder, two: list[Path], tmp_path: Path) -> None:
    reads = tmp_path / "reads.csv"
    reads.write_text("path,read\ntrain/Healthy/Healthy-p0.png,Lung Opacity\ntrain/Pneumonia/Pneumonia-p1.png,Other\n")
    options = EvaluationOptions(whole.path, two, tmp_path / "report", "train", reads=reads, paper_sources=["two"])
    found = run_evaluation(options, ["coronet"])
    with (tmp_path / "report" / "per_image.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["path"] for row in rows}) == len(rows) == 58  # of 60, one left out in each
    assert rows[0]["path"].startswith("one/train/")
    facts = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert facts["data"]["directories"] == ["one", "two"]
    assert facts["data"]["reads"]["changed"] == {"Healthy to Pneumonia": 2}
    assert [(g["fact"], g["value"], g["images"]) for g in facts["subgroups"]] == [
        ("source", "one", 29), ("source", "two", 29), ("view", "PA", 58),
    ]  # fmt: skip
    assert facts["honest"]["paper_images"] == 29
    assert found.evaluation.honest.training_sources is None or "one" not in found.evaluation.honest.training_sources
    page = (tmp_path / "report" / "report.html").read_text()
    assert "By source, view, sex and age" in page
    assert "sources two alone" in page


def test_a_source_without_a_film_is_refused_before_the_work(whole: RunFolder, two: list[Path], tmp_path: Path) -> None:
    options = EvaluationOptions(whole.path, two, tmp_path / "report", "train", paper_sources=["three"])
    with pytest.raises(DataError, match="no film of three; this split has films of one, two"):
        run_evaluation(options, ["coronet"])
    assert not (tmp_path / "report").exists()
