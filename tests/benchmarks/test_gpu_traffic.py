"""Bytes counted by hand, and what fusing saves."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.gpu_traffic import META, Traffic, _Counting, fused, unfused
from model_src.networks.coronet import CoroNet


class _Relus(nn.Module):
    """Two ReLUs, the second of a view, and a sum."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(x)
        return torch.relu(y.view(-1)).view_as(x) + y


def test_every_operation_reads_its_operands_and_writes_its_result_once() -> None:
    x = torch.zeros(2, 1, 4, 4, device=META, dtype=torch.float16)
    with _Counting() as counting:
        _Relus()(x)
    # 32 values of 2 bytes: a ReLU moves two such tensors, the sum three.
    assert counting.found == Traffic(bytes=(2 + 2 + 3) * 64, launches=3)


def test_the_fused_kernels_move_less_than_half_in_a_fifth_of_the_launches(random_chain: CoroNet) -> None:

    apart, together = unfused(random_chain, 2, 64), fused(random_chain, 2, 64)
    assert together.launches == 37
    assert together.launches * 5 <= apart.launches + 1
    assert 0.4 < together.bytes / apart.bytes < 0.5
