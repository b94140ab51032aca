"""A model whose answers are known (tests/fixtures/hand_set_model.py) as a small archive, and films of one gray each."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.predictor import Predictor
from scoring.model import open_model
from scoring.options import ScoreOptions
from scoring.probe import ProbedModel
from scoring.run_folder import RunFolder
from tests.fixtures.hand_set_model import hand_set_dir, make_png  # noqa: F401 (fixtures)
from tests.scoring.runs import zip_artefacts


@pytest.fixture(scope="session")
def archive(hand_set_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A .mar of the hand-set network: black films are Pneumonia, white ones Healthy."""
    return zip_artefacts(hand_set_dir, tmp_path_factory.mktemp("archive") / "coronet.mar")


@pytest.fixture(scope="session")
def other_archive(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in another file, so with another digest."""
    path = tmp_path_factory.mktemp("other") / "coronet.mar"
    path.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("another", "")
    return path


@pytest.fixture
def write_films(tmp_path: Path, make_png: Callable[..., bytes]) -> Callable[..., Path]:  # noqa: F811
    """Write PNGs 000.png, 001.png, ... of 40 x 40 pixels: write_films(count, first) -> their folder."""

    def write(count: int, first: int = 0) -> Path:
        folder = tmp_path / "films"
        folder.mkdir(exist_ok=True)
        for number in range(first, first + count):
            (folder / f"{number:03d}.png").write_bytes(make_png(number * 7 % 256))
        return folder

    return write


@pytest.fixture
def options(archive: Path) -> Callable[..., ScoreOptions]:
    """Options of a run over sources, in shards of four."""

    def make(*sources: object, **changes: object) -> ScoreOptions:
        return ScoreOptions(**{"sources": list(map(str, sources)), "model": archive, "shard_films": 4, **changes})

    return make


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """A folder that is not there yet."""
    return RunFolder(tmp_path / "run")


@pytest.fixture(scope="session")
def _models() -> dict[tuple[Any, ...], Predictor]:
    """Models that are open in this process."""
    return {}


@pytest.fixture(autouse=True)
def _one_model(_models: dict[tuple[Any, ...], Predictor], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers of this process share a model, which takes most of a small run's time to open; processes do not."""

    def opened(archive: Path, **how: Any) -> Predictor:
        key = (sha256(archive.read_bytes()).hexdigest(), *sorted((name, str(how[name])) for name in how))
        if key not in _models:
            _models[key] = open_model(archive, **how)
        return _models[key]

    def probed(archive: Path, *, device: str, threads: int, batch: int, method: str | None) -> ProbedModel:
        model = opened(archive, device=device, threads=threads, batch=batch)
        return ProbedModel(model.engine.name, model.engine.precision, None, model.info.warnings)

    before = torch.get_num_threads()
    monkeypatch.setattr("scoring.worker.open_model", opened)
    monkeypatch.setattr("scoring.begin.probe", probed)
    yield
    torch.set_num_threads(before)
