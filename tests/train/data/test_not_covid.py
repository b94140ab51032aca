"""Films that are only known not to be COVID-19: how they are named, and what they teach."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from evaluation.evaluated_split import evaluated_examples
from model_src.errors import RunError
from tests.train.short_runs import train
from train.data.examples import NOT_COVID
from train.data.not_covid import read_not_covid
from train.data.split import read_training_data
from train.device import Compute
from train.recipe import Recipe
from train.runs.run_folder import RunFolder
from train.stages.classifier import ClassifierLoss, class_weights


def test_lists_name_films_below_their_own_folder_or_a_root(tmp_path: Path) -> None:
    films, lists = tmp_path / "films", tmp_path / "lists"
    for folder in (films, lists):
        folder.mkdir()
    (films / "a.png").touch()
    (lists / "b.png").touch()
    listed = lists / "tuberculosis.txt"
    listed.write_text("a.png\n\nb.png\n")
    found = read_not_covid([listed], [films])
    assert [example.path for example in found] == [films / "a.png", lists / "b.png"]
    assert {(example.label, example.source) for example in found} == {(NOT_COVID, "tuberculosis")}


def test_the_gradient_is_that_of_the_open_classes_together() -> None:
    network = nn.Linear(4, 3)
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    loss = ClassifierLoss(network, torch.ones(3), Compute(torch.device("cpu"), False))
    loss(inputs, torch.tensor([1.0, 1.0, 0.0]).expand(5, 3)).backward()
    found = network.weight.grad
    network.zero_grad()
    (-network(inputs).softmax(1)[:, :2].sum(1).log().sum()).backward()
    torch.testing.assert_close(found, network.weight.grad)


def test_films_of_open_classes_do_not_weigh_the_classes() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2, *[NOT_COVID] * 20]).numpy()
    torch.testing.assert_close(class_weights("balanced", labels), torch.ones(3))


@pytest.fixture
def listed(stripes: Path, recipe: Recipe, tmp_path: Path) -> Path:
    """Four films of flat gray, and one whose patient is set aside for validation."""
    for number in range(4):
        Image.fromarray(np.full((32, 32), 60 + 40 * number, np.uint8)).save(tmp_path / f"gray-{number}.png")
    known = read_training_data(stripes, fraction=recipe.validation_fraction, seed=0).validation[0]
    found = tmp_path / "elsewhere.txt"
    found.write_text("".join(f"gray-{number}.png\n" for number in range(4)) + f"{known.patient}.png\n")
    (tmp_path / known.patient).parent.mkdir(parents=True)
    Image.fromarray(np.full((32, 32), 60, np.uint8)).save(tmp_path / f"{known.patient}.png")
    return found


def test_a_training_takes_them_and_its_validation_split_stays(
    stripes: Path, recipe: Recipe, whole: RunFolder, listed: Path, tmp_path: Path
) -> None:
    run = train(recipe, stripes, tmp_path / "run", not_covid=[listed])
    data = run.record().data
    assert data.not_covid == {"elsewhere": 4}  # without the patient of a validation film
    assert data.left_out_patient_in_test == 1
    assert data.train == whole.record().data.train
    assert data.train_sources == whole.record().data.train_sources
    assert run.record().image_list == whole.record().image_list
    assert evaluated_examples(run.path, stripes, "validation") == evaluated_examples(whole.path, stripes, "validation")
    own, other = (folder.load_weights("cin")["fc.weight"] for folder in (run, whole))
    assert not torch.equal(own, other)


def test_a_run_is_not_continued_with_other_such_films(
    stripes: Path, recipe: Recipe, listed: Path, tmp_path: Path
) -> None:
    train(recipe, stripes, tmp_path / "run", not_covid=[listed])
    listed.write_text("\n".join(reversed(listed.read_text().splitlines())))
    with pytest.raises(RunError, match="was begun with another data"):
        train(recipe, stripes, tmp_path / "run", not_covid=[listed], resume=True)
