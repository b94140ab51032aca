"""Which engine runs: what model-config.yaml asks for, what this machine has, and a check that it answers right."""

from __future__ import annotations

import logging

import torch

from model_src.coronet import CoroNet
from model_src.engine_settings import GPU_PRECISION, TOLERANCE, EngineSettings
from model_src.engines.engine import Engine
from model_src.engines.openvino_engine import OpenVINOEngine
from model_src.engines.torchscript_engine import TorchScriptEngine
from model_src.errors import ArtefactError

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
    gpu = device.type == "cuda"
    if gpu and settings.engine == "openvino":
        raise ArtefactError(f"engine: openvino is for CPUs, this worker has {device}; set engine: auto or torchscript")
    precision = settings.precision if settings.precision != "auto" else GPU_PRECISION if gpu else "float32"
    try:
        if gpu or settings.engine == "torchscript":
            return _checked(TorchScriptEngine(coronet, device, precision), coronet, image_size)
        return _checked(
            OpenVINOEngine(coronet, image_size, precision, threads or torch.get_num_threads()), coronet, image_size
        )
    except ArtefactError as error:
        # What was asked for by name is had or refused. A lower precision was checked with one engine
        # (`coronet evaluate --engine`), and another answers differently: no engine takes another's place in it.
        chosen_here = settings.precision == "auto" if gpu else settings.engine == "auto" and precision == "float32"
        if not chosen_here:
            raise
        logger.warning("predictions are slower than they could be: %s", error)
    return _checked(TorchScriptEngine(coronet, device, "float32"), coronet, image_size)


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
