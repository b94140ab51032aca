"""The model once, in a process that ends: what it is opened with here, and what a summary says of it."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_src.errors import RunError

if TYPE_CHECKING:
    from model_src.calibration.file import Calibration

_CELLS = 64  # of each autoencoder's residual in a film's description
_LEAST = 1e-3  # added before the logarithm (networks/coronet.py)


@dataclass(frozen=True)
class ProbedModel:
    """What a run needs to know of a model before it begins."""

    engine: str
    precision: str
    residuals: tuple[float, float] | None
    warnings: tuple[str, ...]


def probe(archive: Path, *, device: str, threads: int, batch: int, method: str | None) -> ProbedModel:
    """Open a model as workers will, in a process of its own, so that this one stays small.

    Args:
        archive, device, threads, batch: as `open_model` takes them.
        method: how films are to be explained, if they are.

    Raises:
        ArtefactError: it cannot be opened.
        InvalidRequest: there is no such method.
        RunError: the process died of it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["scoring.worker"])
    with ProcessPoolExecutor(1, context) as pool:
        try:
            return pool.submit(_probe, archive, device, threads, batch, method).result()
        except BrokenProcessPool:
            raise RunError(f"{archive}: the process that loaded it died; is there memory for it?") from None


def _probe(archive: Path, device: str, threads: int, batch: int, method: str | None) -> ProbedModel:
    from scoring.model import explain_options, open_model
    from scoring.settings import Explain

    model = open_model(archive, device=device, threads=threads, batch=batch)
    if method is not None:
        explain_options(model, Explain(method))
    residuals = typical_residuals(model.judge.calibration) if model.judge else None
    return ProbedModel(model.engine.name, model.engine.precision, residuals, model.info.warnings)


def typical_residuals(calibration: Calibration) -> tuple[float, float] | None:
    """The mean residual of both autoencoders for a typical validation film; None where the calibration has no scope.

    It is known cell by cell, as the mean of logarithms: typical is the film that has the geometric mean in each cell.
    """
    from model_src.calibration.scope import PICTURE_LENGTH  # torch

    if calibration.scope is None:
        return None
    cells = calibration.scope.centre.array()[PICTURE_LENGTH : PICTURE_LENGTH + 2 * _CELLS].astype(np.float64)
    healthy, pneumonia = (np.exp(cells) - _LEAST).reshape(2, _CELLS).mean(1)
    return float(healthy), float(pneumonia)
