"""A chain whose answers can be worked out on paper, exported and loaded, and a context like TorchServe's.

All weights of the autoencoders are zero, so each gives sigmoid(X + b) back, with b the last bias (0 for healthy, 1 for
pneumonia). The classifier passes the first residual channel through to its last layer and compares it with 0.4. So
    black X-ray, X = 0: residual |0 - 0.5| = 0.5    -> Pneumonia
    white X-ray, X = 1: residual |1 - 0.7311| = 0.2689 -> Healthy
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inference.predictor import CoroNetCore
from model_src import torchscript
from model_src.artefacts import ArtefactInfo, write_artefacts
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN

SIZE = 32


class FakeContext:
    """TorchServe's context for one batch: headers per request in, status and content type per request out."""

    def __init__(self, model_dir: Path, headers: Sequence[Mapping[str, Any]] = ({},), config: Any = None) -> None:
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None, "batch_size": 4}
        self.model_name = "coronet"
        self.manifest = {"model": {"modelVersion": "1.0"}}
        self.model_yaml_config = config
        self.metrics = None
        self.headers = headers
        self.statuses: dict[int, int] = {}
        self.phrases: dict[int, str] = {}
        self.content_types: dict[int, str] = {}
        self.answer_headers: dict[int, dict[str, str]] = {}

    def get_all_request_header(self, idx: int) -> Mapping[str, Any]:
        return self.headers[idx]

    def set_response_status(self, code: int, phrase: str, idx: int) -> None:
        self.statuses[idx] = code
        self.phrases[idx] = phrase

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.content_types[idx] = value

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.answer_headers.setdefault(idx, {})[key] = value


@pytest.fixture(scope="session", autouse=True)
def _temporary_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers share files in the temporary directory; those of the tests go with the tests."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("workers"))
    yield
    tempfile.tempdir = before


def _zero(module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)


def _hand_set_tfen() -> TFEN:
    tfen = TFEN(FPAE(), FPAE())
    _zero(tfen)
    tfen.pneumonia.get_parameter("convtrans7.bias").data.fill_(1.0)
    return tfen


def _hand_set_cin() -> CIN:
    cin = CIN()
    _zero(cin)
    cin.conv1.weight.data[0, 0, 3, 3] = 1
    scaled = [cin.bn1, *(layer[0].downsample[1] for layer in (cin.layer2, cin.layer3, cin.layer4))]
    for norm in scaled:
        norm.weight.data.fill_((1 + norm.eps) ** 0.5)  # undoes the division by sqrt(variance + eps)
    for layer in (cin.layer2, cin.layer3, cin.layer4):
        layer[0].downsample[0].weight.data[0, 0] = 1
    cin.fc.weight.data[1, 0] = 20
    cin.fc.bias.data.copy_(torch.tensor([0.0, -8.0, -3.0]))  # logits 0, 20 (residual - 0.4), -3
    return cin


@pytest.fixture(scope="session")
def hand_set_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ARTEFACT_DIR of the chain described above, at 32 pixels. Read only: copy it before changing it."""
    directory = tmp_path_factory.mktemp("hand-set") / "artefacts"
    info = ArtefactInfo(
        image_size=SIZE,
        recipe="by hand",
        parameters={"tfen": 107_318, "cin": 11_178_051},
        cin_trained=True,
        trained_on="x-rays",
    )
    tfen, cin = torchscript.script(_hand_set_tfen()), torchscript.script(_hand_set_cin())
    write_artefacts(tfen, cin, info, directory)
    return directory


@pytest.fixture(scope="session")
def core(hand_set_dir: Path) -> CoroNetCore:
    """The hand-set chain, loaded on the CPU."""
    return CoroNetCore(hand_set_dir)


@pytest.fixture(scope="session")
def make_png() -> Callable[..., bytes]:
    """PNG bytes of a 40 x 40 image of one gray value in [0, 255], or of an array."""

    def make(gray: int | np.ndarray = 0) -> bytes:
        pixels = np.full((40, 40), gray, np.uint8) if isinstance(gray, int) else gray
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        return stream.getvalue()

    return make


@pytest.fixture(scope="session")
def chest_png(make_png: Callable[..., bytes]) -> bytes:
    """A 40 x 40 image with structure: bright, with a dark disc left of the middle."""
    rows, columns = np.mgrid[:40, :40]
    return make_png(np.where((rows - 20) ** 2 + (columns - 12) ** 2 < 36, 30, 220).astype(np.uint8))


@pytest.fixture
def make_context(hand_set_dir: Path) -> Callable[..., FakeContext]:
    """A context for the hand-set artefacts: make_context(headers of each request, config=model-config mapping)."""

    def make(*headers: Mapping[str, Any], config: Any = None, model_dir: Path = hand_set_dir) -> FakeContext:
        return FakeContext(model_dir, headers, config)

    return make
