"""The engine of a CPU is chosen by trying: the rule holds against engines that break it, and what was found is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.predictor import Predictor
from model_src.artefacts import INFO_NAME, check_digests, load_artefacts, load_check_images, write_artefacts
from model_src.check_images import CHECK_IMAGES_NAME, check_images_bytes, read_check_images
from model_src.engines import fastest
from model_src.engines.fastest import ROOM, Check, Tried, choose, open_fastest
from model_src.engines.mixed import mixed_copy
from model_src.engines.openvino_engine import OpenVINOEngine
from model_src.engines.rule import Moved
from model_src.engines.settings import CPU_CANDIDATES, EngineSettings
from model_src.errors import ArtefactError
from model_src.networks.coronet import Classified, CoroNet
from phantoms.generate import make_phantom

SIZE = 64
_AUTO = EngineSettings()
Open = Callable[..., tuple[Any, tuple[Tried, ...]]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "coronet" / "engines"


@pytest.fixture(scope="module")
def checked_dir(artefact_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random artefacts with two check images."""
    info = check_digests(artefact_dir)
    files = {name: (artefact_dir / name).read_bytes() for name in info.files}
    pictures = check_images_bytes([make_phantom(label, seed=label, size=SIZE).image for label in (0, 2)])
    directory = tmp_path_factory.mktemp("checked") / "artefacts"
    write_artefacts(files, info, directory, check_images=pictures)
    return directory


@pytest.fixture
def open_it(checked_dir: Path) -> Open:
    """Opens the fastest engine of these artefacts."""
    model, info = load_artefacts(checked_dir)
    images = load_check_images(checked_dir, info)
    assert images is not None
    return lambda settings=_AUTO: open_fastest(model, SIZE, settings, Check(images, info.sha256))


def _shift(engine: OpenVINOEngine, found: Classified, by: float) -> Classified:
    change = torch.tensor([by, -by, 0.0]) if engine.precision == "mixed" else torch.zeros(3)
    return found._replace(probabilities=found.probabilities + change)


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes "mixed" ten times as fast, on any processor, and move probabilities by as much as told."""
    classify, open_ = OpenVINOEngine.classify, OpenVINOEngine.open.__func__  # type: ignore[attr-defined]
    clock = iter(range(10**9))

    def make(by: float) -> None:
        now = [0.0]

        def answer(engine: OpenVINOEngine, x: Tensor) -> Classified:
            now[0] += 1.0 if engine.precision == "mixed" else 10.0
            return _shift(engine, classify(engine, x), by)

        def opened(cls: Any, model: CoroNet, size: int, device: Any, precision: str, threads: Any) -> OpenVINOEngine:
            engine = open_(cls, model, size, device, "float32", threads)
            engine.precision = precision
            return engine

        monkeypatch.setattr(OpenVINOEngine, "classify", answer)
        monkeypatch.setattr(OpenVINOEngine, "open", classmethod(opened))
        monkeypatch.setattr(fastest.time, "perf_counter", lambda: now[0] + 0 * next(clock))

    return make


def test_the_fastest_that_keeps_the_rule_is_taken(mixed: Callable[..., None], open_it: Open) -> None:
    mixed(0.8 * ROOM)
    engine, tried = open_it()
    assert (engine.name, engine.precision) == ("openvino", "mixed")
    baseline, faster, compiled = tried
    assert (baseline.precision, baseline.milliseconds, baseline.passed) == ("float32", 10_000, True)
    assert (faster.milliseconds, faster.passed, faster.moved) == (1000, True, pytest.approx(0.8 * ROOM, abs=1e-5))
    assert "no package for these artefacts" in compiled.reason


@pytest.mark.parametrize("by", [1.2 * ROOM, 0.5, float("nan")])
def test_an_engine_that_breaks_the_rule_is_not_taken_however_fast(
    mixed: Callable[..., None], open_it: Open, by: float
) -> None:
    mixed(by)
    engine, tried = open_it()
    assert engine.precision == "float32"
    assert [each.passed for each in tried] == [True, False, False]
    assert json.loads(json.dumps([each.__dict__ for each in tried], allow_nan=False))


def test_a_label_that_changes_breaks_the_rule_whatever_the_move() -> None:
    expected = torch.tensor([[0.501, 0.499, 0.0], [0.2, 0.3, 0.5]])
    found = torch.tensor([[0.499, 0.501, 0.0], [0.2, 0.3, 0.5]])
    moved = Moved.between(expected, found)
    assert (moved.images, moved.labels, moved.allowed()) == (2, 1, False)
    assert moved.probability == pytest.approx(0.002, abs=1e-6)
    assert Moved(2, 0, 0.01).allowed()
    assert not Moved(2, 0, 0.0101).allowed()
    assert not Moved(2, 0, float("nan")).allowed()


def test_a_little_faster_is_not_worth_it() -> None:
    base = Tried("openvino", "float32", 100.0, 0.0, 0, True)
    assert choose((base, Tried("openvino", "mixed", 96.0, 0.001, 0, True))) == base
    faster = Tried("openvino", "mixed", 90.0, 0.001, 0, True)
    assert choose((base, faster)) == faster
    assert choose((base, Tried("openvino", "mixed", 50.0, 0.02, 0, False))) == base
    failed = Tried("openvino", "float32", reason="openvino is not installed")
    assert choose((failed, Tried("openvino", "mixed", reason="openvino is not installed"))) == failed


def test_what_was_found_is_kept_and_used_for_the_same_files_alone(
    mixed: Callable[..., None], open_it: Open, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(0.0)
    first = open_it()[1]
    (kept,) = cache.glob("*.json")
    monkeypatch.setattr(fastest, "_try_all", None)  # would fail if it were called again
    assert open_it()[1] == first
    kept.write_text("[{")
    with pytest.raises(TypeError):
        open_it()
    one, other = (Check(torch.zeros(1, 1, SIZE, SIZE), {"tfen.pt2": digest}) for digest in ("aa", "bb"))
    assert one.key(1) != other.key(1)
    assert one.key(1) != one.key(2)


def test_without_a_place_to_keep_it_the_choice_is_made_all_the_same(
    mixed: Callable[..., None], open_it: Open, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    mixed(0.0)
    assert open_it()[0].precision == "mixed"


@pytest.mark.parametrize("settings", [EngineSettings("torchscript"), EngineSettings("openvino", "float32")])
def test_what_is_asked_for_is_not_tried(open_it: Open, settings: EngineSettings) -> None:
    engine, tried = open_it(settings)
    assert (engine.name, engine.precision, tried) == (settings.engine, "float32", ())


def test_a_predictor_says_what_was_tried(checked_dir: Path) -> None:
    facts = Predictor(checked_dir).describe()["engine"]
    assert [(each["engine"], each["precision"]) for each in facts["tried"]] == list(CPU_CANDIDATES)
    assert facts["tried"][0]["passed"]
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_mixed_is_near_the_artefacts_and_not_the_same(random_chain: CoroNet) -> None:
    mixed = mixed_copy(random_chain)
    assert mixed is not None
    x = torch.rand(2, 1, SIZE, SIZE)
    found, expected = mixed.classify(x), random_chain.classify(x)
    assert 0 < (found.residual_means - expected.residual_means).abs().max() < 0.01
    assert (found.probabilities - expected.probabilities).abs().max() < 0.01
    assert random_chain.tfen.healthy.conv4.weight.dtype == torch.float32  # the original is left alone


def test_check_images_come_back_as_they_were() -> None:
    pictures = [make_phantom(label, seed=label, size=32).image for label in range(3)]
    found = read_check_images(check_images_bytes(pictures), "check_images.png", 32)
    assert found.shape == (3, 1, 32, 32)
    assert (found[2, 0] * 255).round().byte().tolist() == pictures[2].tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "cannot be read"), (b"\x89PNG\r\n\x1a\n", "cannot be read"), (None, "found a picture of 32 x 32 pixels")],
)
def test_other_pictures_are_refused(content: bytes | None, message: str) -> None:
    given = check_images_bytes([make_phantom(0, seed=0, size=32).image]) if content is None else content
    with pytest.raises(ArtefactError, match=rf"where: {message}.*export the run again"):
        read_check_images(given, "where", 64)


def test_check_images_that_were_changed_are_refused(checked_dir: Path, tmp_path: Path) -> None:
    for path in checked_dir.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert CHECK_IMAGES_NAME in json.loads((tmp_path / INFO_NAME).read_text())["sha256"]
    (tmp_path / CHECK_IMAGES_NAME).write_bytes(b"x")
    with pytest.raises(ArtefactError, match=r"check_images\.png: SHA-256"):
        check_digests(tmp_path)
