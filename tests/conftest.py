"""Fixtures for all tests: real data when it is there, small chains whose behaviour is known, and a real TorchServe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from archive.build import build_archive
from launcher.server import Server, torchserve
from launcher.torchserve_config import free_ports
from model_src.artefacts import ArtefactInfo, write_artefacts
from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from model_src.weight_files import weight_files
from phantoms.generate import make_phantom
from tests.properties import load_profile
from tests.skip_list import SkipList, read_allowed

ROOT = Path(__file__).resolve().parent.parent
load_profile()

pytest_plugins = ["pytester"]  # runs pytest on a test's own files


def pytest_configure(config: pytest.Config) -> None:
    """A skip fails the run unless its reason is on the list."""
    config.pluginmanager.register(SkipList(read_allowed()), "skip-list")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests with the mark `gpu` are skipped where there is none."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled networks and the like go into a cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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
    write_artefacts(weight_files(random_chain), info, directory)
    return directory


@pytest.fixture(scope="session")
def model_store(artefact_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with a 64-pixel coronet.mar of random weights."""
    return build_archive(artefact_dir, tmp_path_factory.mktemp("model-store")).parent


@pytest.fixture(scope="session")
def server(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests ask: two workers for predictions, one for explanations."""
    port, management_port, metrics_port = free_ports(3)
    with torchserve(
        model_store,
        ROOT / "config.properties",
        port=port,
        management_port=management_port,
        metrics_port=metrics_port,
        workers=2,
        state=tmp_path_factory.mktemp("server"),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def phantom_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated X-ray as an 8-bit gray PNG of 96 x 96 pixels."""
    path = tmp_path_factory.mktemp("phantom") / "phantom.png"
    Image.fromarray(make_phantom(2, seed=1, size=96).image).save(path)
    return path
