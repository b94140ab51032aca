"""Export checks itself against eager; imported weights carry what they are into every artefact."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_src import torchscript
from model_src.artefacts import load_artefacts
from model_src.errors import OutputError, RunError
from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.runs.export import check_against_eager, export_run
from train.runs.import_weights import import_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeded state dict files."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name, network in (("healthy", FPAE()), ("pneumonia", FPAE()), ("cin", CIN())):
        torch.save(network.state_dict(), folder / f"{name}.pth")
    return folder


@pytest.mark.parametrize("with_cin", [False, True])
def test_imported_weights_are_exported_unchanged(weights: Path, tmp_path: Path, with_cin: bool) -> None:
    cin = weights / "cin.pth" if with_cin else None
    import_weights(weights / "healthy.pth", weights / "pneumonia.pth", cin, tmp_path / "run", image_size=64)
    info = export_run(tmp_path / "run", tmp_path / "artefacts")
    assert info.cin_trained is with_cin
    assert any("untrained" in warning for warning in info.warnings) is not with_cin
    chain, read = load_artefacts(tmp_path / "artefacts")
    assert read.parameters == {"tfen": 107_318, "cin": 11_178_051}
    network = FPAE().eval()
    network.load_state_dict(torch.load(weights / "healthy.pth", weights_only=True))
    x = torch.rand(1, 1, 64, 64)
    assert torch.allclose(chain.tfen.reconstruct(x)[0], network(x)[0], atol=1e-5)


def test_artefact_that_differs_is_not_written(random_chain: CoroNet) -> None:
    other = CoroNet(torchscript.script(TFEN(FPAE(), FPAE())), torchscript.script(random_chain.cin))
    with pytest.raises(RunError, match="tfen differs from the eager network"):
        check_against_eager(random_chain, other, (1, 1, 32, 32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        ({"a": torch.ones(1)}, "do not fit FPAE"),
        ([1, 2], "not a plain state dict"),
        ({0: torch.ones(1)}, "not a plain state dict"),
    ],
)
def test_wrong_weight_files_are_named(weights: Path, tmp_path: Path, content: object, message: str) -> None:
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(content) if isinstance(content, bytes) else torch.save(content, wrong)
    with pytest.raises(RunError, match=rf"wrong\.pth.*{message}"):
        import_weights(wrong, weights / "pneumonia.pth", None, tmp_path / "run", image_size=64)
    assert not (tmp_path / "run").exists()


def test_unfinished_run_says_what_to_do(weights: Path, tmp_path: Path) -> None:
    run = import_weights(weights / "healthy.pth", weights / "pneumonia.pth", None, tmp_path / "run", image_size=64)
    run.weights_path("cin").unlink()
    with pytest.raises(RunError, match=r"cin\.pt: not found.*--resume"):
        export_run(run.path, tmp_path / "artefacts")
    assert not (tmp_path / "artefacts").exists()


@pytest.mark.parametrize("content", ['{"cin', "[]", "\\xff"])
def test_damaged_metrics_are_named_before_anything_is_compiled(weights: Path, tmp_path: Path, content: str) -> None:
    run = import_weights(weights / "healthy.pth", weights / "pneumonia.pth", None, tmp_path / "run", image_size=64)
    (run.path / "metrics.json").write_bytes(content.encode().replace(b"\\xff", b"\xff"))
    with pytest.raises(RunError, match=r"metrics\.json: .*restore it or train again"):
        export_run(run.path, tmp_path / "artefacts")
    assert not (tmp_path / "artefacts").exists()


def test_the_folder_of_the_shell_is_refused_before_anything_is_compiled(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = import_weights(weights / "healthy.pth", weights / "pneumonia.pth", None, tmp_path / "run", image_size=64)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(torchscript, "script", None)
    with pytest.raises(OutputError, match=r"--out \.: .* name one in it: --out artefacts"):
        export_run(run.path, Path())
