"""What goes wrong between the first and the last epoch: one line each, nothing lost, and the way on as it says."""

from __future__ import annotations

import io
import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from model_src.errors import CoroNetError, DataError, RunError
from tests.train.short_runs import Killed, kill_after, train
from train.data.classifier_inputs import ResidualCache
from train.recipe import Recipe
from train.runs.run_folder import HISTORY_COLUMNS, RunFolder
from train.session import TrainingOptions, TrainingSession


@pytest.fixture
def cut(recipe: Recipe, stripes: Path, tmp_path: Path) -> RunFolder:
    """A run that was killed in its classifier's training."""
    with pytest.MonkeyPatch.context() as patch:
        kill_after(patch, 5)
        with pytest.raises(Killed):
            train(recipe, stripes, tmp_path / "cut")
    return RunFolder(tmp_path / "cut")


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: what a full disk looks like, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def with_broken_image(stripes: Path, tmp_path: Path) -> Path:
    """The stripes with two files that are no images."""
    folder = Path(shutil.copytree(stripes, tmp_path / "data"))
    for name in ("Healthy", "Pneumonia"):
        (folder / "train" / name / "broken.png").write_bytes(b"no image")
    return folder


def test_unreadable_images_are_refused_then_skipped_as_the_message_advises(
    recipe: Recipe, with_broken_image: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    with pytest.raises(DataError, match=r"broken\.png .*--skip-unreadable"):
        train(recipe, with_broken_image, run_dir)
    console = Console(record=True, file=io.StringIO())
    run = train(recipe.changed(cin_epochs=1), with_broken_image, run_dir, skip_unreadable=True, console=console)
    decoded = run.record().decoded
    assert decoded is not None
    assert sorted(decoded.skipped) == ["train/Healthy/broken.png", "train/Pneumonia/broken.png"]
    assert sum(decoded.train.values()) + sum(decoded.validation.values()) == 30
    assert "2 unreadable images left out, listed in run.json" in console.export_text()


def test_resume_notices_that_other_images_are_left_out(
    recipe: Recipe, with_broken_image: Path, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_after(monkeypatch, 1)
    with pytest.raises(Killed):
        train(recipe, with_broken_image, tmp_path / "run", skip_unreadable=True)
    monkeypatch.undo()
    good = next((stripes / "train" / "Healthy").iterdir())
    shutil.copyfile(good, with_broken_image / "train" / "Healthy" / "broken.png")
    with pytest.raises(RunError, match=r"begun without 2 unreadable images, now there are 1 .*Healthy/broken\.png"):
        train(recipe, with_broken_image, tmp_path / "run", skip_unreadable=True, resume=True)


def test_a_run_under_way_is_not_taken_over(recipe: Recipe, stripes: Path, cut: RunFolder) -> None:
    with pytest.raises(RunError, match="not empty"):
        train(recipe, stripes, cut.path)
    with cut.held(), pytest.raises(RunError, match="another process trains in it"):
        train(recipe, stripes, cut.path, resume=True)


def test_what_the_classifier_started_from_is_kept(recipe: Recipe, stripes: Path, cut: RunFolder) -> None:
    cut.write_record(cut.record().changed(classifier_start="imagenet"))  # as if fetched on the first day
    train(recipe, stripes, cut.path, resume=True)
    assert cut.record().classifier_start == "imagenet"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("precision", "bfloat16", r"another precision \(float32, now bfloat16\)"), ("tfen_run", "whole", "autoencoders")],
)
def test_resume_with_another_precision_or_autoencoders_is_refused(
    option: str, value: str, said: str, recipe: Recipe, stripes: Path, cut: RunFolder, whole: RunFolder
) -> None:
    with pytest.raises(RunError, match=said):
        train(recipe, stripes, cut.path, resume=True, **{option: whole.path if value == "whole" else value})


def test_the_record_says_where_a_run_was_trained(whole: RunFolder) -> None:
    record = whole.record()
    assert (record.precision, record.device, record.torch) == ("float32", "cpu", torch.__version__)


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def of_another_kind(path: Path) -> None:
    torch.save({"epoch": 1}, path)


def of_another_shape(path: Path) -> None:
    state = torch.load(path)
    state["network"]["fc.weight"] = torch.zeros(7, 512)
    torch.save(state, path)


@pytest.mark.parametrize("damage", [shortened, of_another_kind, of_another_shape])
def test_a_damaged_checkpoint_is_named_and_the_stage_begins_again_without_it(
    damage: Callable[[Path], None], recipe: Recipe, stripes: Path, cut: RunFolder, whole: RunFolder
) -> None:
    checkpoint = cut.path / "checkpoints" / "cin.pt"
    damage(checkpoint)
    with pytest.raises(RunError, match=r"checkpoints/cin\.pt: .*delete it to start this stage again"):
        train(recipe, stripes, cut.path, resume=True)
    checkpoint.unlink()
    train(recipe, stripes, cut.path, resume=True)
    assert torch.equal(cut.load_weights("cin")["fc.weight"], whole.load_weights("cin")["fc.weight"])


def test_a_full_disk_loses_one_epoch_at_most(
    recipe: Recipe, stripes: Path, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir, save = tmp_path / "run", RunFolder.save_checkpoint

    def on_full_disk(self: RunFolder, *args: object) -> None:
        with files_end_at(100_000):  # an autoencoder's state takes some 800 kB
            save(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "save_checkpoint", on_full_disk)
    with pytest.raises(CoroNetError, match=r"fpae_healthy\.pt: cannot be written \(File too large\); free some room"):
        train(recipe, stripes, run_dir)
    monkeypatch.undo()
    assert not list((run_dir / "checkpoints").iterdir())
    resumed = train(recipe, stripes, run_dir, resume=True)
    assert torch.equal(resumed.load_weights("cin")["fc.weight"], whole.load_weights("cin")["fc.weight"])


@pytest.mark.parametrize(("variants", "kept"), [(2, True), (3, False)], ids=["come back", "do not come back"])
def test_residuals_lie_in_the_cache_folder_until_the_run_is_done(
    variants: int, kept: bool, recipe: Recipe, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, two_epochs = tmp_path / "cache", recipe.changed(cin_variants=variants, fpae_epochs=1)
    kill_after(monkeypatch, 3)
    with pytest.raises(Killed):
        train(two_epochs, stripes, tmp_path / "run", cache_dir=cache)
    monkeypatch.undo()
    (residuals,) = cache.glob("residuals-*")
    assert (residuals / "validation" / "residuals.f16").stat().st_size == 6 * 3 * 32 * 32 * 2
    assert (residuals / "train").exists() is kept
    if kept:
        assert (residuals / "train" / "residuals.f16").stat().st_size == 24 * variants * 3 * 32 * 32 * 2
    assert not (tmp_path / "run" / "cache").exists()
    train(two_epochs, stripes, tmp_path / "run", cache_dir=cache, resume=True)
    assert [path.name[:5] for path in cache.iterdir()] == ["32px-"]


def test_residual_cache_takes_its_room_at_once_or_leaves_nothing(tmp_path: Path) -> None:
    with files_end_at(10_000), pytest.raises(DataError, match=r"need 0\.0 GB .* \(File too large\)"):
        ResidualCache(tmp_path / "full", images=4, variants=2, size=32)
    assert not list((tmp_path / "full").iterdir())
    ResidualCache(tmp_path / "roomy", images=4, variants=2, size=32)
    found = (tmp_path / "roomy" / "residuals.f16").stat()
    assert found.st_blocks * 512 >= found.st_size == np.prod((4, 2, 3, 32, 32)) * 2


def test_run_json_names_no_folder_of_this_machine(whole: RunFolder, stripes: Path) -> None:
    assert str(stripes.parent) not in json.dumps(whole.record().as_dict())


@pytest.mark.parametrize("content", ["stage,epoch,lo", "fpae_healthy,1,0.5\n", "\\xff"])
def test_a_damaged_history_is_named(tmp_path: Path, content: str) -> None:
    whole = f"{','.join(HISTORY_COLUMNS)}\ncin,1,0.5,0.5,0.9,0.001,20\n"
    (tmp_path / "history.csv").write_text(whole)
    assert [row["epoch"] for row in RunFolder(tmp_path).history()] == ["1"]
    (tmp_path / "history.csv").write_bytes((whole + content).encode().replace(b"\\xff", b"\xff"))
    with pytest.raises(RunError, match=r"history\.csv: cannot be read .*; delete it"):
        RunFolder(tmp_path).history()


def test_a_run_begun_anew_in_the_same_folder_takes_no_residuals_of_the_one_before(
    recipe: Recipe, cut: RunFolder, tmp_path: Path
) -> None:
    run, options = RunFolder(tmp_path / "run"), TrainingOptions(tmp_path, tmp_path / "run")
    session = TrainingSession(recipe, options, run, *[None] * 4)  # type: ignore[arg-type]
    run.create(cut.record())
    first = session.residual_folder
    assert first == session.residual_folder  # of a run that goes on
    run.create(cut.record().changed(id="another"))  # the first ended before its first epoch
    assert session.residual_folder != first
    assert {folder.parent for folder in (first, session.residual_folder)} == {run.cache}
