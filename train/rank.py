"""Data-parallel training with `torchrun`: N processes compute what one would, at the same global batch.

Each process takes its share of every batch. Losses are sums divided by the whole batch's normaliser, batch norm
uses the whole batch's moments, and DDP adds the gradients up, so only rounding differs from a single process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

Module = TypeVar("Module", bound=nn.Module)

# The others wait while the first process decodes or validates. A process that dies ends the wait at once.
_PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class Rank:
    """Which of the processes of one training this is: `number` of `count`."""

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """True in the process that writes files and shows progress."""
        return self.number == 0

    @contextmanager
    def first_then_rest(self) -> Iterator[None]:
        """The first process runs the block, then all others do; nobody goes on before everybody has run it."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()
        self.wait()

    def share(self, batch: np.ndarray) -> np.ndarray:
        """The part of a global batch that this process computes (may be empty)."""
        return np.array_split(batch, self.count)[self.number]

    def total(self, value: Tensor) -> Tensor:
        """Sum of a detached tensor over all processes."""
        value = value.detach().clone()
        if self.count > 1:
            dist.all_reduce(value)
        return value

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.count > 1:
            dist.barrier()

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module` with gradients averaged over the processes (the caller scales its loss by `count`)."""
        return DistributedDataParallel(module) if self.count > 1 else module


def is_first_process() -> bool:
    """True in a lone process, and in one of torchrun's; there, only its results are printed."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Rank]:
    """Join the process group that torchrun describes in the environment; a lone process needs none."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Rank()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", timeout=_PATIENCE, device_id=device)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Rank(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()


def synchronise_batch_norm(module: Module, rank: Rank) -> Module:
    """Replace every BatchNorm2d by one that uses the moments of the global batch.

    torch.nn.SyncBatchNorm does this for GPUs only; this one runs on gloo and the CPU too. State dict names stay.
    """
    if rank.count == 1:
        return module
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            synchronised = _GlobalBatchNorm(child.num_features, child.eps, child.momentum)
            synchronised.load_state_dict(child.state_dict())
            setattr(module, name, synchronised.to(child.weight.device))
        else:
            synchronise_batch_norm(child, rank)
    return module


class _GlobalBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d whose training moments are those of the batch over all processes."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        sums = torch.cat([values.sum((0, 2, 3)), values.new_tensor([x.numel() / x.shape[1]])])
        sums = _sum_over_processes(sums)
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = values - mean[None, :, None, None]
        variance = _sum_over_processes(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[None, :, None, None] + self.bias[None, :, None, None]).to(x.dtype)


class _SumOverProcesses(torch.autograd.Function):
    """all_reduce with a gradient: every process's input counts in every process's sum, so gradients are summed too.

    torch.distributed.nn.functional.all_reduce computes the same, but this PyTorch calls it deprecated, and what is
    to take its place is private.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _sum_over_processes(value: Tensor) -> Tensor:
    """Sum of `value` over all processes, differentiable."""
    return _SumOverProcesses.apply(value)


def local_device(device: torch.device) -> torch.device:
    """The CUDA device of this process under torchrun; otherwise `device`."""
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
