"""TorchScript on CPU or GPU: the artefacts, frozen."""

from __future__ import annotations

import torch
from torch import Tensor

from model_src import torchscript
from model_src.engines.compact import scripted_compact
from model_src.networks.coronet import Classified, CoroNet

_LOWER = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchScriptEngine:
    """The network with its weights folded in as constants and images channels-last, which convolutions prefer.

    In bfloat16 and float16, convolutions and matrix products are of that type and everything else is float32.
    """

    name = "torchscript"

    def __init__(self, module: torch.jit.ScriptModule, device: torch.device, precision: str) -> None:
        self.precision = precision
        self._device = device
        self._module = module

    @staticmethod
    def supports(device: torch.device, precision: str) -> str | None:
        """Why not: it has no mixture. For all else, TorchScript runs wherever torch does."""
        return "has no mixed precision" if precision == "mixed" else None

    @classmethod
    def open(
        cls, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> TorchScriptEngine:
        """Freeze `model` where it is. Any image size, and the threads of the process."""
        return cls(torchscript.freeze(scripted_compact(model)), device, precision)

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) float32 in [0, 1]."""
        x = x.to(self._device, memory_format=torch.channels_last)
        if self.precision == "float32":
            found = self._module(x)
        else:
            with torch.autocast(self._device.type, _LOWER[self.precision]):
                found = self._module(x)
        return Classified(*(output.float().cpu() for output in found))
