"""Training end to end on generated images: it learns, resumes exactly, and processes share the work exactly."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest
import torch

from evaluation.classifiers import load_classifier
from evaluation.evaluate import evaluate
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError, RunError
from model_src.networks.efficient_cin import EfficientCIN
from phantoms.data_dir import write_phantoms
from tests.train.short_runs import Killed, kill_after, train
from train.data.data_dir import read_data_dir
from train.recipe import Recipe, load_recipe
from train.runs.run_folder import RunFolder, load_model

ROOT = Path(__file__).resolve().parents[2]


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    return {
        f"{stage}.{name}": value
        for stage in ("fpae_healthy", "fpae_pneumonia", "cin")
        for name, value in run.load_weights(stage).items()
    }


def losses_of(run: RunFolder) -> list[tuple[str, str, str]]:
    """The loss of each epoch: weights are those of the best epoch, which need not be the last."""
    return [(row["stage"], row["epoch"], row["loss"]) for row in run.history()]


def assert_same_weights(a: RunFolder, b: RunFolder) -> None:
    first, second = weights_of(a), weights_of(b)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_it_learns_and_records_what_it_did(stripes: Path, tmp_path: Path) -> None:
    recipe = load_recipe("quick").changed(image_size=32, fpae_epochs=1, cin_epochs=6, cin_batch_size=8)
    run = train(recipe, stripes, tmp_path / "run")
    metrics = run.read_metrics()
    assert metrics["cin"]["balanced_accuracy"] == 1.0
    settings = json.loads((run.path / "run.json").read_text())
    assert settings["data"]["validation"] == dict.fromkeys(CLASS_NAMES, 2)
    assert settings["trained_on"] == "x-rays"
    assert settings["classifier_start"] == "random"
    with (run.path / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["stage"] for row in rows] == ["fpae_healthy", "fpae_pneumonia", *["cin"] * 6]
    assert not (run.path / "cache").exists()
    assert not list((run.path / "checkpoints").iterdir())
    assert load_model(run).classify(torch.rand(1, 1, 32, 32)).probabilities.shape == (1, 3)


@pytest.mark.parametrize("when", [3, 5], ids=["second autoencoder", "classifier"])
def test_resumed_run_equals_an_uninterrupted_one(
    stripes: Path, recipe: Recipe, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    kill_after(monkeypatch, when)
    with pytest.raises(Killed):
        train(recipe, stripes, tmp_path / "cut")
    monkeypatch.undo()
    resumed = train(recipe, stripes, tmp_path / "cut", resume=True)
    assert_same_weights(whole, resumed)
    assert losses_of(whole) == losses_of(resumed)


@pytest.mark.parametrize(
    "changes",
    [
        {"cin_sampling": "class_source_view", "cin_films_per_epoch": 9},
        {"cin_network": "efficientnet_lite2", "cin_init": "imagenet", "cin_third_map": "film"},
    ],
    ids=["films drawn", "layers left out at random"],
)
def test_what_is_random_in_an_epoch_is_the_same_after_a_resume(
    changes: dict[str, object], stripes: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = recipe.changed(fpae_epochs=1, **changes)
    uncut = train(random, stripes, tmp_path / "uncut")
    kill_after(monkeypatch, 3)
    with pytest.raises(Killed):
        train(random, stripes, tmp_path / "cut")
    monkeypatch.undo()
    torch.rand(100)  # another process has drawn other numbers before
    resumed = train(random, stripes, tmp_path / "cut", resume=True)
    assert_same_weights(uncut, resumed)
    assert losses_of(uncut) == losses_of(resumed)


def torchrun(*command: str) -> str:
    """Run a Python script in two processes; what both print."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*launcher, *command], timeout=300, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_processes_take_the_same_steps_as_one(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("steps_in_processes.py"))
    subprocess.run(
        [sys.executable, script, str(tmp_path / "one.pt")],
        check=True, timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    torchrun(script, str(tmp_path / "two.pt"))
    one, two = torch.load(tmp_path / "one.pt"), torch.load(tmp_path / "two.pt")
    for network in ("fpae", "cin"):
        for name, value in one[network].items():
            assert torch.allclose(value, two[network][name], rtol=1e-7, atol=1e-9), (network, name)


def test_whole_training_runs_in_two_processes(stripes: Path, tmp_path: Path) -> None:
    # Losses of first epochs only: Adam makes full steps of rounding differences, so later ones drift apart.
    changes = ["--image-size", "32", "--fpae-epochs", "1", "--cin-epochs", "1"]
    command = ["-m", "cli", "train", str(stripes), "--recipe", "quick", "--out", str(tmp_path / "two"), *changes]
    assert torchrun(*command).count("validation balanced accuracy") == 1
    quick = load_recipe("quick").changed(image_size=32, fpae_epochs=1, cin_epochs=1)
    one, two = train(quick, stripes, tmp_path / "one").history(), RunFolder(tmp_path / "two").history()
    assert [row["stage"] for row in two] == ["fpae_healthy", "fpae_pneumonia", "cin"]
    for row, other in zip(one, two, strict=True):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-2), row["stage"]


def test_baseline_trains_on_the_xray(stripes: Path, recipe: Recipe, tmp_path: Path) -> None:
    run = train(recipe, stripes, tmp_path / "run", model="resnet18")
    answer = load_model(run).classify(torch.rand(2, 1, 32, 32))
    assert answer.residual_means is None
    assert torch.allclose(answer.probabilities.sum(1), torch.ones(2))


def test_autoencoders_of_another_run_are_taken_as_they_are(
    stripes: Path, recipe: Recipe, whole: RunFolder, tmp_path: Path
) -> None:
    second = train(recipe.changed(cin_epochs=1), stripes, tmp_path / "second", tfen_run=whole.path)
    for stage in ("fpae_healthy", "fpae_pneumonia"):
        for name, value in whole.load_weights(stage).items():
            assert torch.equal(value, second.load_weights(stage)[name])
    assert {row["stage"] for row in second.history()} == {"cin"}


def test_folder_in_use_is_refused_and_kept(stripes: Path, recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        train(recipe, stripes, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_resume_with_other_images_of_the_same_number_is_refused(
    stripes: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(stripes, tmp_path / "data")
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(recipe, tmp_path / "data", tmp_path / "run")
    first = next((tmp_path / "data").rglob("*.png"))
    first.rename(first.with_name("another.png"))
    with pytest.raises(RunError, match="was begun with another image_list"):
        train(recipe, tmp_path / "data", tmp_path / "run", resume=True)


def test_a_loss_that_is_no_number_ends_the_training_and_is_not_kept(
    stripes: Path, recipe: Recipe, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"score": math.nan, "balanced_accuracy": 0.3, "loss": math.nan}
    monkeypatch.setattr("train.stages.classifier.score", lambda *_: nothing)
    with pytest.raises(RunError, match=r"cin, epoch 1: the loss is nan, need a number"):
        train(recipe, stripes, tmp_path / "run", tfen_run=whole.path)
    assert not RunFolder(tmp_path / "run").checkpoint_path("cin").exists()


def test_resume_with_other_settings_is_refused(stripes: Path, recipe: Recipe, whole: RunFolder) -> None:
    with pytest.raises(RunError, match="another recipe"):
        train(recipe.changed(cin_epochs=9), stripes, whole.path, resume=True)
    with pytest.raises(RunError, match="another seed"):
        train(recipe, stripes, whole.path, resume=True, seed=5)


def test_cut_weights_and_other_version_are_named(whole: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(Path(shutil.copytree(whole.path, tmp_path / "run")))
    intact = run.weights_path("cin").read_bytes()
    run.weights_path("cin").write_bytes(intact[: len(intact) // 2])
    with pytest.raises(RunError, match=r"cin\.pt: cannot be read"):
        load_model(run)
    run.write_record(run.record().changed(format_version=99))
    with pytest.raises(RunError, match="format version 99, need 1"):
        load_model(run)


def test_missing_class_is_one_clear_error(stripes: Path, recipe: Recipe, tmp_path: Path) -> None:
    for name in CLASS_NAMES[:2]:
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(stripes / "train" / name)
    with pytest.raises(DataError, match="COVID-19"):
        train(recipe, tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "parameters"),
    [("resnet50", 23_514_179), ("efficientnet_lite2", 4_816_259)],  # torchvision's and PyPI's, with three outputs
)
def test_another_baseline_takes_a_step(
    model: str, parameters: int, stripes: Path, recipe: Recipe, tmp_path: Path
) -> None:
    run = train(recipe.changed(cin_epochs=1), stripes, tmp_path / "run", model=model)
    loaded = load_model(run)
    assert run.weights_path(model).exists()
    assert sum(value.numel() for value in loaded.parameters()) == parameters
    assert loaded.classify(torch.rand(2, 1, 32, 32)).probabilities.isfinite().all()


def test_a_run_of_other_networks_is_loaded_as_it_was_trained(stripes: Path, recipe: Recipe, tmp_path: Path) -> None:
    settings = {"cin_network": "efficientnet_lite2", "cin_third_map": "film", "cin_init": "imagenet"}
    run = train(recipe.changed(fpae_epochs=1, cin_epochs=1, **settings), stripes, tmp_path / "run")
    assert run.record().classifier_start == "imagenet"
    model, x = load_model(run), torch.rand(2, 1, 32, 32)
    assert isinstance(model.cin, EfficientCIN)
    assert torch.equal(model.tfen(x)[:, 2:], x)
    assert model.classify(x).probabilities.isfinite().all()


def test_bfloat16_trains_every_stage(stripes: Path, recipe: Recipe, whole: RunFolder, tmp_path: Path) -> None:
    short = recipe.changed(fpae_epochs=1, cin_epochs=1)
    run = train(short, stripes, tmp_path / "run", precision="bfloat16")
    assert run.record().precision == "bfloat16"
    for row, exact in zip(run.history(), (whole.history()[n] for n in (0, 2, 4)), strict=True):
        assert (row["stage"], row["epoch"]) == (exact["stage"], "1")
        assert float(row["loss"]) == pytest.approx(float(exact["loss"]), rel=0.3)
    assert all(value.dtype != torch.bfloat16 for value in weights_of(run).values())


def test_without_imagenet_weights_training_goes_on_and_says_so(
    stripes: Path, recipe: Recipe, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torchvision.models.ResNet18_Weights.get_state_dict", unreachable)
    offline = recipe.changed(cin_init="imagenet", cin_epochs=1)
    run = train(offline, stripes, tmp_path / "run", tfen_run=whole.path)
    said = run.record().classifier_start
    assert said is not None
    assert said.startswith("random: ImageNet weights of resnet18 could not be fetched (no route to host)")
    assert "--cin-init FILE" in said
    assert run.weights_path("cin").exists()


def test_a_lone_image_too_small_for_batch_norm_is_refused(stripes: Path, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="24 training images in batches of 23 leave one image alone"):
        train(recipe.changed(cin_batch_size=23), stripes, tmp_path / "run", model="resnet18")


@pytest.mark.slow
@pytest.mark.timeout(2400)  # 7 minutes of one core that has nothing else to do
def test_phantoms_are_told_apart(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "phantoms", 300, 224, seed=0)  # drawn at 64, lesions lose the detail that tells them
    run = train(load_recipe("quick"), tmp_path / "phantoms", tmp_path / "run")
    classifier = load_classifier(run.path, torch.device("cpu"))
    examples = read_data_dir(tmp_path / "phantoms", "test")
    evaluation = evaluate(classifier, examples, [tmp_path], batch_size=16, replicates=200)
    assert evaluation.metrics.overall["balanced_accuracy"].value > 0.9
