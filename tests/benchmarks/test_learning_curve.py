"""The learning curve: which films a row is trained on, and how its figures are counted."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import learning_curve
from benchmarks.learning_curve import WAYS, drawn
from benchmarks.learning_curve_plot import plot
from train.data.classifier_inputs import ClassifierInputs
from train.data.examples import Example
from train.data.image_cache import ImageCache
from train.device import Compute
from train.runs.run_folder import RunFolder

LABELS = [0, 2, 1, 2, 2, 0, 2]


def _inputs() -> ClassifierInputs:
    examples = [Example(Path(f"{number}.png"), label, f"p{number}", "") for number, label in enumerate(LABELS)]
    store = np.arange(len(LABELS), dtype=np.uint16)[:, None, None].repeat(8, 1).repeat(8, 2) * 1000
    images = ImageCache(examples, [], np.arange(len(LABELS)), store)  # type: ignore[arg-type]
    return ClassifierInputs(images, "none", 0, Compute(torch.device("cpu"), bfloat16=False))


def test_every_draw_has_all_other_films_and_so_many_covid_films() -> None:
    whole = _inputs()
    draws = [drawn(whole, films=2, draw=draw) for draw in range(8)]
    for chosen in draws:
        assert sorted(chosen.labels.tolist()) == [0, 0, 1, 2, 2]
    assert len({tuple(chosen.numbers) for chosen in draws if chosen.numbers is not None}) > 1
    assert drawn(whole, 2, 3).labels.tolist() == draws[3].labels.tolist()


def test_a_drawn_film_keeps_its_pixels() -> None:
    whole = _inputs()
    chosen = drawn(whole, films=1, draw=0)
    numbers = np.arange(len(chosen.images))
    shown = chosen.load(numbers, np.zeros(len(numbers), dtype=np.int64))[:, 0, 0, 0]
    names = [int(example.path.stem) for example in chosen.images.examples]
    assert shown.tolist() == pytest.approx([name * 1000 / 65535 for name in names])


def test_the_plot_is_written(tmp_path: Path) -> None:
    rows = [
        {"model": way, "films": films, "draw": draw, "validation": {"covid_sensitivity": {"value": 0.1 * draw + 0.5}}}
        for way in ("a", "b")
        for films in (25, 89)
        for draw in range(3)
    ]
    plot(rows, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_all_ways_are_trained_once_and_plotted(
    data_dir: Path, autoencoder_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, plot_file = tmp_path / "curve.json", tmp_path / "curve.png"
    options = ["--tfen", f"tuned={autoencoder_run.path}", "--cache-dir", str(tmp_path / "cache"), "--out", str(out)]
    options += ["--image-size", "32", "--epochs", "1", "--films-per-epoch", "12", "--device", "cpu"]
    options += ["--films", "2", "0", "--draws", "1", "--test", "--plot", str(plot_file)]
    monkeypatch.setattr(sys, "argv", ["learning_curve", str(data_dir), *options])
    learning_curve.main()
    table = json.loads(out.read_text())
    # Ways without their --tfen are left out; 0 films are all 9 that are not for validation.
    ways = ["CoroNet, recipe tuned", next(name for name, (_, source) in WAYS.items() if source is None)]
    assert [(row["films"], row["model"]) for row in table["rows"]] == [(films, way) for films in (2, 9) for way in ways]
    for row in table["rows"]:
        assert row["validation"]["covid_sensitivity"]["total"] == 1
        assert row["test"]["covid_by_source"]["rsna"]["total"] == 2
    assert str(tmp_path) not in table["command"]
    assert plot_file.stat().st_size > 5000
    monkeypatch.setattr(learning_curve, "train_row", lambda *_: pytest.fail("trained again"))
    learning_curve.main()
    assert json.loads(out.read_text()) == table


def test_ways_share_a_budget_and_the_weight_of_a_class() -> None:
    args = argparse.Namespace(epochs=3, films_per_epoch=77, variants=None)
    for recipe in {recipe for recipe, _ in WAYS.values()}:
        settings = learning_curve._settings(recipe, args)
        assert (settings.epochs, settings.films_per_epoch) == (3, 77)
        assert settings.sampling != "none"
    # Films of the paper's recipe, which draws none, are drawn by class; to weigh them too would count twice.
    paper = learning_curve._settings("paper", args)
    assert (paper.sampling, paper.class_weights) == ("class", "none")
