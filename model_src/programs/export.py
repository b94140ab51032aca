"""An eager network -> a program's bytes, by torch.export. For `coronet export`; a worker never imports this."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from model_src.networks.fpae import SIZE_MULTIPLE
from model_src.programs.file import PARTS_NAME

_MOST_IMAGES, _LARGEST = 4096, 512  # a batch; a side in multiples of 8


class _Method(nn.Module):
    """One method of a network as its forward."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What the method gives."""
        return getattr(self.network, self.method)(x)


def program_bytes(network: nn.Module, channels: int, parts: Sequence[str]) -> bytes:
    """The network as a `.pt2` file: any batch, any size that is a multiple of 8.

    Args:
        network: eager, TFEN or CIN.
        channels: of its input.
        parts: methods that compute something on the way from input to output; what they give is marked in the file.

    Raises:
        ValueError: such a method does not lie on that way.
    """
    network = network.eval().requires_grad_(False)
    whole = _export(network, channels)
    steps = _steps(whole)
    marked = {}
    for part in parts:
        found = _export(_Method(network, part), channels)
        if _steps(found) != steps[: len(_steps(found))]:
            raise ValueError(f"{part} is not the beginning of what {type(network).__name__} computes")
        marked[part] = list(found.graph_signature.user_outputs)
    for node in whole.graph.nodes:  # they would carry this machine's paths into the file
        node.meta.pop("stack_trace", None)
    whole.example_inputs = None
    stream = io.BytesIO()
    torch.export.save(whole, stream, extra_files={PARTS_NAME: json.dumps(marked)})
    return stream.getvalue()


def _export(network: nn.Module, channels: int) -> ExportedProgram:
    batch, eighth = Dim("batch", min=1, max=_MOST_IMAGES), Dim("eighth", min=2, max=_LARGEST)
    side = SIZE_MULTIPLE * eighth
    x = torch.zeros(2, channels, 8 * SIZE_MULTIPLE, 8 * SIZE_MULTIPLE)
    return torch.export.export(network, (x,), dynamic_shapes=({0: batch, 2: side, 3: side},))


def _steps(program: ExportedProgram) -> list[tuple[str, Callable[..., object] | str]]:
    """Names and operators of a program's calls, in order."""
    return [(node.name, node.target) for node in program.graph.nodes if node.op == "call_function"]
