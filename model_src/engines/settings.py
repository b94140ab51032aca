"""Names of engines and precisions, and the rule they have to pass. No torch here: command lines show the names."""

from __future__ import annotations

from dataclasses import dataclass

from model_src.errors import ArtefactError

ENGINES = ("auto", "torchscript", "openvino")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

# How far a probability may move from that of float32 TorchScript: for every image of a test set when a precision is
# chosen (`coronet evaluate --engine`), and for one generated image whenever an engine is loaded.
TOLERANCE = 0.01

# What "auto" means on a GPU, where batches are classified about three times as fast as in float32
# (docs/performance.md). The shipped model's answers on 208 test X-rays pass the rule in it, on an H100.
GPU_PRECISION = "float16"


@dataclass(frozen=True)
class EngineSettings:
    """`handler: {engine: ..., precision: ...}` of model-config.yaml."""

    engine: str = "auto"  # openvino on a CPU, torchscript on a GPU or where openvino cannot be had
    precision: str = "auto"  # float32 on a CPU, where bfloat16 fails the rule; GPU_PRECISION on a GPU

    def __post_init__(self) -> None:
        """Raises ArtefactError for a name that is none."""
        for name, value, known in (("engine", self.engine, ENGINES), ("precision", self.precision, PRECISIONS)):
            if value not in known:
                raise ArtefactError(f"{name}: found {value!r}, need one of {', '.join(known)}")
