"""AOTInductor on a CPU: native code that `coronet compile` made on this machine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model_src.engines.compiled_package import find_package
from model_src.errors import ArtefactError
from model_src.networks.coronet import Classified, CoroNet


class InductorEngine:
    """The network as a library for this processor; the batch may have any size, the image only the model's own."""

    name = "inductor"
    precision = "float32"

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled  # torch's AOTICompiledModel

    @staticmethod
    def supports(device: torch.device, precision: str) -> str | None:
        """Why not: float32 on a CPU alone."""
        if device.type != "cpu":
            return "is for CPUs"
        return None if precision == "float32" else f"has no {precision}"

    @classmethod
    def open(
        cls, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> InductorEngine:
        """Load the package that was compiled for `model` on this machine; it takes the threads of the process.

        Raises:
            ArtefactError: there is none, or it cannot be loaded.
        """
        path = find_package(model, image_size)
        from torch._inductor import aoti_load_package

        try:
            return cls(aoti_load_package(str(path), run_single_threaded=True))
        except RuntimeError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ArtefactError(
                f"{path}: cannot be loaded ({reason}); compile it again: coronet compile ARTEFACT_DIR"
            ) from error

    @torch.no_grad()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) float32 in [0, 1]."""
        return Classified(*(output.clone() for output in self._compiled(x.contiguous())))
