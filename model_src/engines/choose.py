"""Which engine runs: what model-config.yaml asks for, what this machine has, and a check that it answers right."""

from __future__ import annotations

import logging

import torch

from model_src.engines.engine import Engine
from model_src.engines.registry import ENGINES
from model_src.engines.settings import GPU_PRECISION, TOLERANCE, EngineSettings
from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet

logger = logging.getLogger(__name__)


def open_engine(
    model: CoroNet, image_size: int, device: torch.device, settings: EngineSettings, threads: int | None = None
) -> Engine:
    """The best engine that can be had for `model`, after it has classified one generated image right.

    Args:
        model: on `device`; of TorchScript artefacts or eager networks.
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
            return _open_checked(name, precision, model, image_size, device, threads)
        except ArtefactError as error:
            logger.warning("predictions are slower than they could be: %s", error)
    return _open_checked(*last, model, image_size, device, threads)


def _candidates(settings: EngineSettings, device: torch.device) -> list[tuple[str, str]]:
    """Engines and precisions to try in turn, the best first, at least one; an engine asked for by name has no second.

    Nor has a lower precision: it was checked with one engine (`coronet evaluate --engine`), not with another.
    """
    automatic = [GPU_PRECISION, "float32"] if device.type == "cuda" else ["float32"]
    names = list(ENGINES) if settings.engine == "auto" else [settings.engine]
    found: list[tuple[str, str]] = []
    refused: list[str] = []
    for precision in automatic if settings.precision == "auto" else [settings.precision]:
        reasons = {name: ENGINES[name]().supports(device, precision) for name in names}
        able = [(name, precision) for name, reason in reasons.items() if reason is None]
        found += able if precision == "float32" else able[:1]
        refused += [f"{name} {reason}" for name, reason in reasons.items() if reason is not None]
    if not found:
        raise ArtefactError(
            f"engine: {'; '.join(dict.fromkeys(refused))}, this worker has {device}; set engine: auto or torchscript"
        )
    return found


def _open_checked(
    name: str, precision: str, model: CoroNet, image_size: int, device: torch.device, threads: int | None
) -> Engine:
    """The engine of that name, if its answer for one generated image is within TOLERANCE of the artefacts' own.

    Raises:
        ArtefactError: it is not, or the engine cannot be had.
    """
    engine = ENGINES[name]().open(model, image_size, device, precision, threads)
    x = torch.rand(1, 1, image_size, image_size, generator=torch.Generator().manual_seed(0))
    expected = model.classify(x.to(next(model.parameters()).device)).probabilities.cpu()
    shift = float((engine.classify(x).probabilities - expected).abs().max())
    if expected.isfinite().all() and not shift <= TOLERANCE:  # nor may an answer be no number
        raise ArtefactError(
            f"engine: {engine.name} in {engine.precision} moves a probability by {shift:.3f} on this machine, "
            f"at most {TOLERANCE} is right; set engine: torchscript and precision: float32"
        )
    return engine
