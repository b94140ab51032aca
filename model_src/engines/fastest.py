"""Which engine and precision a CPU takes: the fastest of those that keep the rule, tried on this very machine.

The pictures to try them on travel with the artefacts. What was found is kept in the user's cache, by digest, processor
and versions, so that the next worker need not try again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model_src.atomic import atomic_write
from model_src.engines.choose import open_engine
from model_src.engines.compiled_package import package_folder
from model_src.engines.engine import Engine
from model_src.engines.registry import ENGINES
from model_src.engines.rule import Moved
from model_src.engines.settings import CPU_CANDIDATES, TOLERANCE, EngineSettings
from model_src.errors import ArtefactError
from model_src.machine import cache_folder, processor
from model_src.networks.coronet import CoroNet

logger = logging.getLogger(__name__)

ROOM = TOLERANCE / 2  # a few generated pictures are not all films: what moves them by more may move a film by too much
_GAIN = 1.05  # a candidate that is not so much faster than float32 is not worth its difference
_VERSIONS = ("torch", "openvino")


@dataclass(frozen=True)
class Tried:
    """What was found of one candidate on the check images."""

    engine: str
    precision: str
    milliseconds: float | None = None  # median of one image; None where it cannot be had
    moved: float | None = None  # the largest move of a probability
    labels: int | None = None  # that changed
    passed: bool = False
    reason: str = ""  # why it cannot be had


@dataclass(frozen=True)
class Check:
    """What candidates are tried on.

    Attributes:
        images: (N, 1, S, S) float32 in [0, 1].
        digests: of the artefacts' files, by name.
    """

    images: Tensor
    digests: Mapping[str, str]

    def key(self, threads: int) -> str:
        """Of what was found: for these files, this processor, these versions, so many threads, what is compiled."""
        compiled = sorted(path.name for path in package_folder().glob("*.json"))
        facts = [sorted(self.digests.items()), processor(), threads, [_version(name) for name in _VERSIONS], compiled]
        return hashlib.sha256(json.dumps([*facts, ROOM, CPU_CANDIDATES]).encode()).hexdigest()


def open_fastest(
    model: CoroNet, image_size: int, settings: EngineSettings, check: Check
) -> tuple[Engine, tuple[Tried, ...]]:
    """The engine for a CPU, and what was found of all candidates, the baseline first.

    A precision that is asked for is not second-guessed: nothing is tried then.

    Raises:
        ArtefactError: the engine or precision asked for cannot be had here.
    """
    device = torch.device("cpu")
    asked = [(name, precision) for name, precision in CPU_CANDIDATES if settings.engine in ("auto", name)]
    if settings.precision != "auto" or len(asked) < 2:
        return open_engine(model, image_size, device, settings), ()
    kept = cache_folder() / "engines" / f"{check.key(torch.get_num_threads())}.json"
    with ExitStack() as held:
        with suppress(OSError):  # a machine without a place to keep it tries again next time
            kept.parent.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context(kept.with_suffix(".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)  # workers that start together: one tries, the others wait and read
        tried = _read(kept, asked)
        if tried is None:
            tried = _try_all(asked, model, image_size, check)
            with suppress(OSError), atomic_write(kept) as path:
                path.write_text(json.dumps([asdict(each) for each in tried], indent=1) + "\n", encoding="utf-8")
    chosen = choose(tried)
    try:
        return open_engine(model, image_size, device, EngineSettings(chosen.engine, chosen.precision)), tried
    except ArtefactError as error:
        logger.warning("predictions are slower than they could be: %s", error)
        return open_engine(model, image_size, device, settings), tried


def choose(tried: tuple[Tried, ...]) -> Tried:
    """The fastest that passed; the first of them, the baseline, unless another is worth it."""
    passed = [each for each in tried if each.passed and each.milliseconds is not None]
    if not passed:
        return tried[0]
    first, fastest = passed[0], min(passed, key=lambda each: each.milliseconds or 0.0)
    return fastest if (first.milliseconds or 0.0) >= _GAIN * (fastest.milliseconds or 0.0) else first


def _try_all(asked: list[tuple[str, str]], model: CoroNet, image_size: int, check: Check) -> tuple[Tried, ...]:
    """Open all, let each classify every image in turn, and compare with the artefacts."""
    expected = torch.cat([model.classify(x[None]).probabilities for x in check.images])
    engines: dict[tuple[str, str], Engine] = {}
    found: dict[tuple[str, str], Tried] = {}
    for name, precision in asked:
        try:
            engine_type = ENGINES[name]()
            if reason := engine_type.supports(torch.device("cpu"), precision):
                raise ArtefactError(f"{name} {reason}")
            engines[name, precision] = engine_type.open(model, image_size, torch.device("cpu"), precision, None)
        except ArtefactError as error:
            found[name, precision] = Tried(name, precision, reason=str(error))
    answers: dict[tuple[str, str], list[Tensor]] = {key: [] for key in engines}
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in engines}
    for engine in engines.values():
        engine.classify(check.images[:1])  # warm
    for x in check.images:
        for key, engine in engines.items():
            begun = time.perf_counter()
            answers[key].append(engine.classify(x[None]).probabilities)
            seconds[key].append(time.perf_counter() - begun)
    for (name, precision), engine in engines.items():
        moved = Moved.between(expected, torch.cat(answers[name, precision]))
        median = round(statistics.median(seconds[name, precision]) * 1000, 2)
        passed = moved.allowed(TOLERANCE if precision == "float32" else ROOM)
        shift = round(moved.probability, 6) if moved.probability == moved.probability else None
        found[name, precision] = Tried(name, precision, median, shift, moved.labels, passed)
        logger.info("%s in %s: %s", engine.name, engine.precision, found[name, precision])
    return tuple(found[key] for key in asked)


def _read(path: Path, asked: list[tuple[str, str]]) -> tuple[Tried, ...] | None:
    """What was found before; None where it was not, or not of these candidates."""
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        tried = tuple(Tried(**each) for each in facts)
    except (OSError, ValueError, TypeError):
        return None
    return tried if [(each.engine, each.precision) for each in tried] == asked else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
