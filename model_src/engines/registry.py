"""The engines, the best first. A row is a function that imports, so that names can be listed without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_src.engines.engine import EngineType


def _openvino() -> EngineType:
    from model_src.engines.openvino_engine import OpenVINOEngine

    return OpenVINOEngine


def _inductor() -> EngineType:
    from model_src.engines.inductor_engine import InductorEngine

    return InductorEngine


def _torchscript() -> EngineType:
    from model_src.engines.torchscript_engine import TorchScriptEngine

    return TorchScriptEngine


def _cuda() -> EngineType:
    from model_src.engines.cuda_graph_engine import CudaGraphEngine

    return CudaGraphEngine


# Name, as in `handler: engine:` of model-config.yaml -> the engine. "auto" takes the first that can be had.
ENGINES: dict[str, Callable[[], EngineType]] = {
    "openvino": _openvino,
    "inductor": _inductor,
    "torchscript": _torchscript,
    "cuda": _cuda,  # last, so only by name, until benchmarks/gpu_benchmark.py has been run on a GPU
}
