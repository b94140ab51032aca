"""A compiled network is kept and found again, whole or not at all, and only for the same network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_src.artefacts import load_artefacts
from model_src.engines.openvino_cache import keep, kept_path, read_kept
from model_src.engines.openvino_engine import OpenVINOEngine

SIZE = 64
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept, of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "coronet" / "openvino"


def test_the_second_start_converts_nothing(artefact_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = load_artefacts(artefact_dir)
    x = torch.rand(2, 1, SIZE, SIZE)
    expected = OpenVINOEngine.open(model, SIZE, CPU, "float32", 1).classify(x)
    (kept,) = folder.iterdir()
    with monkeypatch.context() as patched:
        patched.setattr("openvino.convert_model", None)  # fails when it is called
        found = OpenVINOEngine.open(model, SIZE, CPU, "float32", 1).classify(x)
    assert torch.equal(found.probabilities, expected.probabilities)
    kept.write_bytes(kept.read_bytes()[:-1])
    again = OpenVINOEngine.open(model, SIZE, CPU, "float32", 1).classify(x)  # damaged: made again
    assert torch.equal(again.probabilities, expected.probabilities)


def test_what_is_kept_is_for_one_network(artefact_dir: Path) -> None:
    model, _ = load_artefacts(artefact_dir)
    path = kept_path(model, SIZE, {"a": 1}, ["1"])
    assert path is not None
    assert path == kept_path(load_artefacts(artefact_dir)[0], SIZE, {"a": 1}, ["1"])
    others = [kept_path(model, 32, {"a": 1}, ["1"]), kept_path(model, SIZE, {"a": 2}, ["1"])]
    others.append(kept_path(model, SIZE, {"a": 1}, ["2"]))
    model.cin.get_parameter("fc.bias").data += 1
    others.append(kept_path(model, SIZE, {"a": 1}, ["1"]))
    assert len({path, *others}) == 5


def test_what_is_damaged_is_not_read_and_the_oldest_go(folder: Path) -> None:
    for number in range(8):
        keep(folder / f"{number}.blob", b"blob %d" % number)
    assert len(list(folder.iterdir())) == 6
    newest = folder / "7.blob"
    assert read_kept(newest) == b"blob 7"
    newest.write_bytes(newest.read_bytes() + b"!")
    assert read_kept(newest) is None
    assert read_kept(folder / "none.blob") is None


def test_a_cache_that_cannot_be_written_is_none(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file")
    keep(folder / "x.blob", b"blob")
    assert folder.read_text() == "a file"
