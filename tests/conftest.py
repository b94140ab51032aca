"""Fixtures for all tests: real data when it is there, and small chains whose behaviour is known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_src import torchscript
from model_src.artefacts import ArtefactInfo, write_artefacts
from model_src.cin import CIN
from model_src.coronet import CoroNet
from model_src.fpae import FPAE
from model_src.tfen import TFEN

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real X-rays beside the checkout; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real X-rays (../shared/data) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def upstream_weights() -> Path:
    """The folder of the authors' released autoencoders; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "upstream"
    if not folder.is_dir():
        pytest.skip("the released weights (../shared/upstream) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def random_chain() -> CoroNet:
    """An eager CoroNet with seeded random weights, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return CoroNet(TFEN(FPAE(), FPAE()), CIN()).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def artefact_dir(random_chain: CoroNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ARTEFACT_DIR with `random_chain`'s weights at 64 pixels. Read only: copy it before changing it."""
    directory = tmp_path_factory.mktemp("artefacts") / "random"
    info = ArtefactInfo(
        image_size=64,
        recipe="random",
        parameters={"tfen": 107_318, "cin": 11_178_051},
        cin_trained=True,
        trained_on="phantoms",
    )
    write_artefacts(torchscript.script(random_chain.tfen), torchscript.script(random_chain.cin), info, directory)
    return directory
