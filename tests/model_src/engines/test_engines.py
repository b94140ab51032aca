"""Engines: each answers as the artefacts do; the choice among them; what happens when one cannot be had."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from inference.predictor import Predictor
from model_src import torchscript
from model_src.engines.choose import open_engine
from model_src.engines.engine import EngineType
from model_src.engines.openvino_engine import OpenVINOEngine
from model_src.engines.registry import ENGINES
from model_src.engines.settings import PRECISIONS, TOLERANCE, EngineSettings, engine_names
from model_src.errors import ArtefactError, RequestError
from model_src.networks.coronet import Classified, CoroNet
from tests.model_src.engines.toy_engine import ToyEngine, ToyEngineType

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
SIZE = 32
Add = Callable[[ToyEngineType], None]


@pytest.fixture(scope="module")
def scripted(random_chain: CoroNet) -> CoroNet:
    """The random chain as artefacts hold it."""
    return CoroNet(torchscript.script(random_chain.tfen), torchscript.script(random_chain.cin)).eval()


@pytest.mark.parametrize("engine", ["openvino", "torchscript"])
def test_an_engine_answers_as_the_artefacts_for_any_number_of_images(scripted: CoroNet, engine: str) -> None:
    chosen = open_engine(scripted, SIZE, CPU, EngineSettings(engine))
    assert (chosen.name, chosen.precision) == (engine, "float32")
    x = torch.rand(5, 1, SIZE, SIZE)
    expected = scripted.classify(x)
    for images in (x[:1], x, x[3:]):  # back to fewer: the engine's buffers are used again
        rows = slice(0, 1) if len(images) == 1 else slice(0, 5) if len(images) == 5 else slice(3, 5)
        answer = chosen.classify(images)
        torch.testing.assert_close(answer.probabilities, expected.probabilities[rows], atol=1e-5, rtol=0)
        assert answer.residual_means is not None
        assert expected.residual_means is not None
        torch.testing.assert_close(answer.residual_means, expected.residual_means[rows], atol=1e-5, rtol=0)


def test_an_answer_is_not_overwritten_by_the_next(scripted: CoroNet) -> None:
    engine = open_engine(scripted, SIZE, CPU, EngineSettings("openvino"))
    first = engine.classify(torch.zeros(1, 1, SIZE, SIZE))
    kept = first.probabilities.clone()
    engine.classify(torch.rand(1, 1, SIZE, SIZE))
    assert torch.equal(first.probabilities, kept)


def test_bfloat16_is_near_and_not_the_same(scripted: CoroNet) -> None:
    engine = open_engine(scripted, SIZE, CPU, EngineSettings("torchscript", "bfloat16"))
    x = torch.rand(3, 1, SIZE, SIZE)
    shift = (engine.classify(x).probabilities - scripted.classify(x).probabilities).abs().max()
    assert 0 < shift < TOLERANCE


def test_a_cpu_gets_openvino_where_it_is_installed(scripted: CoroNet, monkeypatch, caplog) -> None:
    assert open_engine(scripted, SIZE, CPU, EngineSettings()).name == "openvino"
    monkeypatch.setitem(sys.modules, "openvino", None)  # import openvino now fails
    assert open_engine(scripted, SIZE, CPU, EngineSettings()).name == "torchscript"
    assert "openvino is not installed" in caplog.text
    with pytest.raises(ArtefactError, match="openvino is not installed: install it"):
        open_engine(scripted, SIZE, CPU, EngineSettings("openvino"))


def test_a_lower_precision_comes_only_from_the_engine_it_was_checked_with(scripted: CoroNet, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # import openvino now fails
    with pytest.raises(ArtefactError, match="openvino is not installed"):
        open_engine(scripted, SIZE, CPU, EngineSettings("auto", "bfloat16"))
    assert open_engine(scripted, SIZE, CPU, EngineSettings("auto", "float32")).name == "torchscript"


def test_an_engine_that_answers_something_else_is_not_used(scripted: CoroNet, monkeypatch, caplog) -> None:
    wrong = Classified(torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros(1, 2))
    monkeypatch.setattr(OpenVINOEngine, "classify", lambda self, x: wrong)
    assert open_engine(scripted, SIZE, CPU, EngineSettings()).name == "torchscript"
    with pytest.raises(ArtefactError, match=r"openvino in float32 moves a probability by 0\.\d+.*engine: torchscript"):
        open_engine(scripted, SIZE, CPU, EngineSettings("openvino"))


def test_openvino_is_refused_on_a_gpu(scripted: CoroNet) -> None:
    with pytest.raises(ArtefactError, match=r"is for CPUs, this worker has cuda:0"):
        open_engine(scripted, SIZE, torch.device("cuda:0"), EngineSettings("openvino"))


class _GpuEngine(ToyEngineType):
    """Stands for the engine on a GPU: right in float32, and as right in others as the test wants."""

    def open(
        self, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> ToyEngine:
        return ToyEngine(model, precision, 0.0 if precision == "float32" else self.lie)


@pytest.mark.parametrize(
    ("shift", "asked", "precision"),
    [(0.0, "auto", "float16"), (2 * TOLERANCE, "auto", "float32"), (0.0, "float32", "float32")],
)
def test_a_gpu_gets_half_precision_where_its_answer_is_right(
    scripted: CoroNet, monkeypatch, caplog, shift: float, asked: str, precision: str
) -> None:
    monkeypatch.setitem(ENGINES, "torchscript", lambda: _GpuEngine("cuda", PRECISIONS, shift))
    assert open_engine(scripted, SIZE, torch.device("cuda:0"), EngineSettings("auto", asked)).precision == precision
    assert ("predictions are slower" in caplog.text) == (shift > TOLERANCE)


@pytest.fixture
def add() -> Iterator[Add]:
    """Adds the toy's row, before all others, for one test."""
    before = dict(ENGINES)

    def put(engines: dict[str, Callable[[], EngineType]]) -> None:
        ENGINES.clear()
        ENGINES.update(engines)

    yield lambda engine: put({"toy": lambda: engine, **before})
    put(before)


def test_an_engine_is_added_by_one_file_and_one_row(
    scripted: CoroNet, artefact_dir: Path, phantom_png: Path, add: Add
) -> None:
    add(ToyEngineType())
    assert engine_names() == ("auto", "toy", "openvino", "inductor", "torchscript", "cuda")
    for settings in (EngineSettings(), EngineSettings("toy"), EngineSettings("toy", "float32")):
        assert open_engine(scripted, SIZE, CPU, settings).name == "toy"
    served = Predictor(artefact_dir)
    assert served.engine.name == "toy"
    (answer,) = served.predict([served.read(phantom_png.read_bytes())])
    assert not isinstance(answer, RequestError)


def test_an_engine_that_is_not_made_for_the_device_or_precision_is_passed_over(
    scripted: CoroNet, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    add(ToyEngineType("cuda"))
    assert open_engine(scripted, SIZE, CPU, EngineSettings()).name == "openvino"
    assert caplog.text == ""
    with pytest.raises(ArtefactError, match="toy is for cuda, this worker has cpu; set engine: auto or torchscript"):
        open_engine(scripted, SIZE, CPU, EngineSettings("toy"))
    add(ToyEngineType())
    with pytest.raises(ArtefactError, match="toy has no bfloat16"):
        open_engine(scripted, SIZE, CPU, EngineSettings("toy", "bfloat16"))


@pytest.mark.parametrize("lie", [2 * TOLERANCE, float("nan")])
def test_an_engine_that_lies_is_refused(
    scripted: CoroNet, add: Add, caplog: pytest.LogCaptureFixture, lie: float
) -> None:
    add(ToyEngineType(lie=lie))
    with pytest.raises(ArtefactError, match=r"toy in float32 moves a probability by (0\.020|nan)"):
        open_engine(scripted, SIZE, CPU, EngineSettings("toy"))
    assert open_engine(scripted, SIZE, CPU, EngineSettings()).name == "openvino"
    assert "toy in float32 moves a probability" in caplog.text


@pytest.mark.parametrize(("engine", "precision"), [("onnx", "auto"), ("auto", "int8"), (5, "auto"), ("auto", ["x"])])
def test_unknown_names_are_refused(engine: str, precision: str) -> None:
    with pytest.raises(ArtefactError, match="need one of auto, "):
        EngineSettings(engine, precision)


def test_a_precision_that_the_processor_lacks_is_refused_instead_of_silently_replaced(scripted: CoroNet) -> None:
    import openvino

    for precision, name in (("bfloat16", "BF16"), ("float16", "FP16")):
        if name in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            assert open_engine(scripted, SIZE, CPU, EngineSettings("openvino", precision)).precision == precision
        else:
            with pytest.raises(ArtefactError, match=f"no {precision} for openvino .*set precision: float32"):
                open_engine(scripted, SIZE, CPU, EngineSettings("openvino", precision))


def test_names_of_engines_are_listed_without_torch() -> None:
    code = "import sys, model_src.engines.settings as s; print(s.engine_names(), 'torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "('auto', 'openvino', 'inductor', 'torchscript', 'cuda') False"
