"""What cannot go well is refused before an image is decoded or a network compiled, whatever comes first in the work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_src.errors import ArtefactError, CoroNetError, OutputError, RunError
from tests.train.short_runs import train
from train.recipe import Recipe
from train.runs.export import export_run
from train.runs.import_weights import import_weights
from train.runs.run_folder import RunFolder


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any work fails the test."""
    for work in ("train.runs.train_run.open_cache", "train.runs.export.load_model", "model_src.torchscript.script"):
        monkeypatch.setattr(work, lambda *_, **__: pytest.fail("work has begun"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file where a folder is needed."""
    (tmp_path / "file").write_text("mine")
    return tmp_path / "file"


@pytest.mark.usefixtures("no_work")
def test_starting_weights_that_are_missing_or_do_not_fit(recipe: Recipe, stripes: Path, tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(7)}, tmp_path / "other.pth")
    for name, said in (("nofile.pth", r"--cin-init: found '.*nofile\.pth'"), ("other.pth", "does not fit")):
        for model in ("coronet", "resnet18"):
            with pytest.raises(RunError, match=said):
                train(recipe.changed(cin_init=str(tmp_path / name)), stripes, tmp_path / "run", model=model)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_work")
def test_a_run_without_autoencoders_to_take(recipe: Recipe, stripes: Path, whole: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run\.json: not found"):
        train(recipe, stripes, tmp_path / "run", tfen_run=tmp_path / "nowhere")
    half = RunFolder(tmp_path / "half")
    half.create(whole.record())
    with pytest.raises(RunError, match=r"half/fpae_healthy\.pt: not found"):
        train(recipe, stripes, tmp_path / "run", tfen_run=half.path)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_work")
def test_places_that_cannot_be_written(
    recipe: Recipe, stripes: Path, whole: RunFolder, tmp_path: Path, file: Path
) -> None:
    with pytest.raises(OutputError, match=r"--out .*file/run: .*file is a file, need a folder"):
        train(recipe, stripes, file / "run")
    with pytest.raises(OutputError, match=r"--cache-dir .*file/cache"):
        train(recipe, stripes, tmp_path / "run", cache_dir=file / "cache")
    with pytest.raises(OutputError, match=r"--cache-dir .*file is a file, need a folder"):
        train(recipe, stripes, tmp_path / "run", cache_dir=file)
    with pytest.raises(OutputError, match=r"--out .*file/artefacts"):
        export_run(whole.path, file / "artefacts")
    with pytest.raises(ArtefactError, match=r"holds no artefacts\.json"):
        export_run(whole.path, tmp_path)
    with pytest.raises(OutputError, match=r"--out .*file/run"):
        import_weights(Path("h.pth"), Path("p.pth"), None, file / "run", image_size=64)
    assert file.read_text() == "mine"


@pytest.mark.usefixtures("no_work")
def test_a_run_that_is_not_there_is_not_resumed(recipe: Recipe, stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(CoroNetError, match=r"run\.json: not found"):
        train(recipe, stripes, tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()
