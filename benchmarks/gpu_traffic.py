"""Bytes that the autoencoders move through a GPU's memory, counted on tensors without content: no GPU is needed.

    python -m benchmarks.gpu_traffic [--run archive/pretrained] [--size 224]

Every operation reads its operands and writes its result, each once; views cost nothing. That is the least that an
unfused run moves, and what the fused kernels move if their blocks' borders are found in a cache.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.errors import errors_in_one_line
from model_src.engines import triton_kernels
from model_src.engines.triton_tfen import TritonTFEN
from model_src.networks.coronet import CoroNet
from train.runs.run_folder import RunFolder, load_model

META = torch.device("meta")
_FREE = ("view", "detach", "alias", "expand", "unsqueeze", "slice", "select", "permute", "transpose", "empty")


@dataclass
class Traffic:
    """What a pass moves, and in how many operations."""

    bytes: int = 0
    launches: int = 0

    def add(self, tensors: Iterator[Tensor]) -> None:
        """One operation, and everything that it reads or writes."""
        self.bytes += sum(tensor.nbytes for tensor in {id(tensor): tensor for tensor in tensors}.values())
        self.launches += 1


def fused(coronet: CoroNet, batch: int, size: int) -> Traffic:
    """The kernels of the GPU's engine, in float16."""
    found = Traffic()
    with ExitStack() as stack:
        for name in ("convolve", "join_doubled", "residuals"):
            stack.enter_context(patch.object(triton_kernels, name, _Counted(found)))
        tfen = TritonTFEN(coronet.tfen, META, torch.float16)  # type: ignore[arg-type]
        tfen(torch.zeros(batch, 1, size, size, device=META), torch.zeros(3, device=META), torch.zeros(3, device=META))
    return found


def unfused(coronet: CoroNet, batch: int, size: int) -> Traffic:
    """PyTorch in float16, operation by operation."""
    network: nn.Module = copy.deepcopy(coronet.tfen).eval().to(META, torch.float16)
    x = torch.zeros(batch, 1, size, size, device=META, dtype=torch.float16)
    with torch.no_grad(), _Counting() as mode:
        network(x)
    return mode.found


@dataclass
class _Counted:
    """Stands for a kernel: takes a grid, then the arguments."""

    found: Traffic

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return lambda *given, **_: self.found.add(one for one in given if isinstance(one, Tensor))


@dataclass
class _Counting(TorchDispatchMode):
    """Counts every operation."""

    found: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.__name__.startswith(_FREE):
            self.found.add(leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        return result


@errors_in_one_line()
def main() -> None:
    """Print both, for one image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--size", type=int, default=224)
    args = parser.parse_args()
    coronet = load_model(RunFolder(args.run))
    if not isinstance(coronet, CoroNet):
        parser.error(f"{args.run} is a baseline, need a run of CoroNet")
    apart, together = unfused(coronet, 1, args.size), fused(coronet, 1, args.size)
    for name, traffic in (("operation by operation", apart), ("fused kernels", together)):
        print(f"{name:24} {traffic.bytes / 1e6:7.1f} MB an image, {traffic.launches} launches")
    print(f"fused / unfused          {together.bytes / apart.bytes:7.2f}")


if __name__ == "__main__":
    main()
