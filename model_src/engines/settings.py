"""What can be asked for: an engine and a precision, and the rule they have to pass. No torch here."""

from __future__ import annotations

from pydantic import field_validator
from pydantic.dataclasses import dataclass

from model_src.engines.registry import ENGINES
from model_src.errors import ArtefactError

PRECISIONS = ("auto", "float32", "mixed", "bfloat16", "float16")

# How far a probability may move from that of float32 TorchScript: for every image of a test set when a precision is
# chosen (`coronet evaluate --engine`), and for one generated image whenever an engine is loaded.
TOLERANCE = 0.01

# What "auto" means on a GPU, where batches are classified about three times as fast as in float32
# (docs/experiments/2026-11-26-engines-on-a-gpu.md). The shipped model's answers on 208 test X-rays pass the rule in it,
# on an H100.
GPU_PRECISION = "float16"

# What "auto" tries on a CPU (fastest.py), the baseline first. "mixed" is bfloat16 where it moves no answer (mixed.py).
CPU_CANDIDATES = (("openvino", "float32"), ("openvino", "mixed"), ("inductor", "float32"))


def engine_names() -> tuple[str, ...]:
    """What `engine` takes."""
    return ("auto", *ENGINES)


@dataclass(frozen=True)
class EngineSettings:
    """`handler: {engine: ..., precision: ...}` of model-config.yaml. Raises ArtefactError for a name that is none."""

    engine: str = "auto"  # the first of registry.py that can be had
    precision: str = "auto"  # the fastest that keeps the rule on a CPU; GPU_PRECISION on a GPU

    @field_validator("engine", mode="before")
    @classmethod
    def _known_engine(cls, value: object) -> object:
        return _known("engine", value, engine_names())

    @field_validator("precision", mode="before")
    @classmethod
    def _known_precision(cls, value: object) -> object:
        return _known("precision", value, PRECISIONS)


def _known(name: str, value: object, known: tuple[str, ...]) -> object:
    if value not in known:
        raise ArtefactError(f"{name}: found {value!r}, need one of {', '.join(known)}")
    return value
