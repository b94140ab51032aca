"""Which engine runs: what model-config.yaml asks for, what this machine has, and a check that it answers right."""

from __future__ import annotations

import logging

import torch

from model_src.engines.engine import Engine
from model_src.engines.openvino_engine import OpenVINOEngine
from model_src.engines.settings import GPU_PRECISION, TOLERANCE, EngineSettings
from model_src.engines.torchscript_engine import TorchScriptEngine
from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet

logger = logging.getLogger(__name__)


def open_engine(
    coronet: CoroNet, image_size: int, device: torch.device, settings: EngineSettings, threads: int | None = None
) -> Engine:
    """The engine for `coronet`, which is on `device`, after it has classified one generated image right.

    Args:
        coronet: of TorchScript artefacts or eager networks.
        image_size: S, the only size of image it will be given.
        device: CPU or GPU.
        settings: what is asked for.
        threads: of the engine on a CPU; None: as many as torch has in this process.

    Raises:
        ArtefactError: the engine or precision asked for cannot be had here, or answers differently from the artefacts.
    """
    *preferred, last = _candidates(settings, device)
    for name, precision in preferred:
        try:
            return _open(name, precision, coronet, image_size, device, threads)
        except ArtefactError as error:
            logger.warning("predictions are slower than they could be: %s", error)
    return _open(*last, coronet, image_size, device, threads)


def _candidates(settings: EngineSettings, device: torch.device) -> list[tuple[str, str]]:
    """Engines and precisions to try in turn, the best first; what is asked for by name has no second.

    Nor has a lower precision: it was checked with one engine (`coronet evaluate --engine`), not with another.
    """
    if device.type == "cuda":
        if settings.engine == "openvino":
            raise ArtefactError(
                f"engine: openvino is for CPUs, this worker has {device}; set engine: auto or torchscript"
            )
        precisions = [GPU_PRECISION, "float32"] if settings.precision == "auto" else [settings.precision]
        return [("torchscript", precision) for precision in precisions]
    precision = "float32" if settings.precision == "auto" else settings.precision
    if settings.engine != "auto":
        return [(settings.engine, precision)]
    return [("openvino", precision), *([("torchscript", precision)] if precision == "float32" else [])]


def _open(
    name: str, precision: str, coronet: CoroNet, image_size: int, device: torch.device, threads: int | None
) -> Engine:
    """The engine of that name, checked. Raises ArtefactError."""
    if name == "openvino":
        engine: Engine = OpenVINOEngine(coronet, image_size, precision, threads or torch.get_num_threads())
    else:
        engine = TorchScriptEngine(coronet, device, precision)
    return _checked(engine, coronet, image_size)


def _checked(engine: Engine, coronet: CoroNet, image_size: int) -> Engine:
    """`engine`, if its answer for one generated image is within TOLERANCE of the artefacts' own."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, image_size, image_size, generator=generator)
    device = next(coronet.parameters()).device
    expected = coronet.classify(x.to(device)).probabilities.cpu()
    shift = float((engine.classify(x).probabilities - expected).abs().max())
    if shift > TOLERANCE:
        raise ArtefactError(
            f"engine: {engine.name} in {engine.precision} moves a probability by {shift:.3f} on this machine, "
            f"at most {TOLERANCE} is right; set engine: torchscript and precision: float32"
        )
    return engine
