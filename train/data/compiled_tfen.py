"""The TFEN as OpenVINO compiles it for a CPU, two to four times as fast as PyTorch's there.

An FPAE has few channels and maps of full size. PyTorch writes each of them to memory; OpenVINO fuses what follows on a
convolution into it.
"""

from __future__ import annotations

import sys
import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from model_src.networks.plain_decoder import make_decoders_plain
from train.device import Compute

_AT_ONCE = 16  # films: more of them leave the processor's cache


class CompiledTFEN(nn.Module):
    """A frozen TFEN in OpenVINO: its maps are the plain one's, to some 0.003 in bfloat16."""

    def __init__(self, tfen: nn.Module, image_size: int, *, bfloat16: bool) -> None:
        super().__init__()
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else it reports its use
        import openvino

        plain = deepcopy(tfen)
        make_decoders_plain(plain)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter traces, which PyTorch has deprecated
            converted = openvino.convert_model(
                plain.eval(),
                example_input=torch.zeros(1, 1, image_size, image_size),
                input=[openvino.PartialShape([-1, 1, image_size, image_size])],
            )
        precision = "bf16" if bfloat16 else "f32"
        settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": precision}
        self._compiled: Any = openvino.Core().compile_model(converted, "CPU", settings)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, 3, S, S) float32 of `x` (N, 1, S, S) float32 in [0, 1], without gradients."""
        parts = [self._compiled(part.contiguous().numpy())[0].copy() for part in x.split(_AT_ONCE)]
        return torch.cat([torch.from_numpy(part) for part in parts])


def tfen_for_training(tfen: nn.Module, image_size: int, compute: Compute) -> nn.Module:
    """What makes the residuals of a training in bfloat16 on a CPU: a faster likeness of `tfen`; `tfen` of any other."""
    if compute.device.type != "cpu" or not compute.bfloat16:
        return tfen
    try:
        return CompiledTFEN(tfen, image_size, bfloat16=True)
    except ImportError:  # no package of OpenVINO for this processor
        return tfen
