"""A copy of a CoroNet that takes gradient steps quickly: eager, channels last, bfloat16 where the machine has it.

oneDNN's convolutions want channels last on a CPU, and TorchScript's executor slows the backward pass and keeps
bfloat16 from paying. A processor without instructions for bfloat16 needs six times as long with it, so float32 runs
there. All weights are in the artefacts, so the copy is built from them, in tens of milliseconds, for the length of
one explanation. Only the descent on masks uses it, where a gradient needs to be right in direction and not in the
third digit; every number in a response comes from the network itself, in float32.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN


class FastModel(CoroNet):
    """A CoroNet whose logits are computed in bfloat16, where that is fast, and returned as float32."""

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


def fast_model(network: CoroNet) -> CoroNet:
    """A fast copy of `network`, or `network` itself where its networks are not the kit's own (names differ)."""
    with torch.device("meta"):  # neither memory nor initial values: the state dicts bring both
        tfen, cin = TFEN(FPAE(), FPAE()), CIN()
    try:
        tfen.load_state_dict(network.tfen.state_dict(), assign=True)
        cin.load_state_dict(network.cin.state_dict(), assign=True)
    except RuntimeError:
        return network
    copy = FastModel(tfen, cin).to(memory_format=torch.channels_last)
    return copy.eval().requires_grad_(False)
