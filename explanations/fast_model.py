"""A copy of a CoroNet that takes gradient steps quickly: eager, channels last, bfloat16 where the machine has it.

Its decoders are plain convolutions, and the classifier's batch norm is inside its convolutions. oneDNN's convolutions
want channels last on a CPU, and TorchScript's executor slows the backward pass and keeps bfloat16 from paying. A
processor without instructions for bfloat16 needs six times as long with it, so float32 runs there. All weights are in
the artefacts, so the copy is built from them, in tens of milliseconds: on a CPU for the length of one explanation; on a
GPU once, since steps are recorded with it (mask_step.py). Only the descent on masks uses it, where a gradient needs to
be right in direction and not in the third digit; every number in a response comes from float32, of the network itself
or, the points of deletion and insertion curves on a CPU, of a copy that differs by rounding alone (`float32_copy`).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from model_src.networks.coronet import CoroNet
from model_src.networks.depthwise import quick_depthwise
from model_src.networks.folding import fold_batch_norm
from model_src.networks.plain_decoder import plain_copy

if TYPE_CHECKING:
    from explanations.mask_step import RecordedStep

_on_gpu: WeakKeyDictionary[CoroNet, CoroNet] = WeakKeyDictionary()  # network -> its copy


class FastModel(CoroNet):
    """A CoroNet whose logits are computed in bfloat16, where that is fast, and returned as float32."""

    def __init__(self, tfen: nn.Module, cin: nn.Module) -> None:
        super().__init__(tfen, cin)
        self.records = False
        self.recorded: dict[tuple[int, int, int], RecordedStep | None] = {}  # images, size, jitter

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 3) float32 of images (N, 1, S, S) in [0, 1]."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=_has_bfloat16(x.device.type)):
            return super().forward(x).float()


@functools.cache
def _has_bfloat16(device_type: str) -> bool:
    """Whether the device multiplies bfloat16 by itself, not by way of float32."""
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # the last is Arm's


def record_steps(network: CoroNet) -> None:
    """From now on, record the steps of descents on `network` as CUDA graphs, if it is on a GPU."""
    fast = fast_model(network)
    if isinstance(fast, FastModel):
        fast.records = True


def fast_model(network: CoroNet) -> CoroNet:
    """A fast copy of `network`, or `network` itself where its networks are not the kit's own (names differ)."""
    found = _on_gpu.get(network)
    if found is not None:
        return found
    copy = _folded_copy(network)
    if copy is None:
        return network
    fast = FastModel(copy.tfen, copy.cin)
    quick_depthwise(fast.cin)
    if next(fast.parameters()).device.type == "cuda":
        _on_gpu[network] = fast
    return fast


def float32_copy(network: CoroNet) -> CoroNet:
    """`network` for many forward passes on a CPU: the same answers in float32, in five sixths of the time.

    `network` itself on a GPU, and where its networks are not the kit's own.
    """
    if next(network.parameters()).device.type == "cuda":
        return network
    return _folded_copy(network) or network


def _folded_copy(network: CoroNet) -> CoroNet | None:
    """Plain convolutions, channels last, the classifier's batch norm folded; None where the names are not ours."""
    copy = plain_copy(network)
    if copy is None:
        return None
    fold_batch_norm(copy.cin)
    return copy.to(memory_format=torch.channels_last)
