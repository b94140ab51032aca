"""Training on a GPU: whole epochs, and a step of the classifier as a CUDA graph, both beside a plain loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.epoch_benchmark import measured
from benchmarks.gpu_record import Record, Row
from model_src.cuda_graph import CudaGraph
from model_src.networks.cin import CIN
from train.device import Compute


def training(record: Record, rows: list[Row]) -> None:
    """Forward, backward and optimiser on residuals that lie on the device; images per second."""
    for size in (128, record.image_size):
        for batch in (16, 64) if record.on_gpu else (2,):
            plain = record.seconds(_plain_float32(record, batch, size))
            base = record.seconds(_step(record, batch, size)[0])
            work = _step(record, batch, size)[0]
            replay = CudaGraph(work, record.device).replay if record.on_gpu else work
            recorded = record.seconds(replay)
            for name, taken in (("plain loop, float32", plain), ("bfloat16", base), ("bfloat16, CUDA graph", recorded)):
                record.add(rows, {
                    "pixels": size, "batch": batch, "step": name, "ms": 1000 * taken,
                    "images_per_s": batch / taken, "times_plain": plain / taken,
                })  # fmt: skip


def epochs(record: Record, rows: list[Row]) -> None:
    """Whole epochs of recipe `tuned`, residuals included; images per second."""
    films, size = (1536, 128) if record.on_gpu else (24, 40)
    for stage, found in measured(films, size, 1, Compute(record.device, bfloat16=record.on_gpu)).items():
        record.add(rows, {"stage": stage, "pixels": size, "films": films, **found})


def same_steps(record: Record, rows: list[Row]) -> None:
    """Ten steps from the same weights on the same batch, as they stand and replayed."""
    batch, size = (16, record.image_size) if record.on_gpu else (2, record.image_size)
    work, weights = _step(record, batch, size)
    graph, recorded_weights = _step(record, batch, size)
    replay = CudaGraph(graph, record.device).replay if record.on_gpu else graph
    warm_up = 3 if record.on_gpu else 0  # steps that were taken before the recording, which takes none
    for _ in range(10):
        work()
        replay()
    for _ in range(warm_up):
        work()
    apart = max(float((a - b).detach().abs().max()) for a, b in zip(weights, recorded_weights, strict=True))
    record.add(rows, {"steps": 10 + warm_up, "largest_difference_of_a_weight": apart})


def _step(record: Record, batch: int, size: int) -> tuple[Callable[[], Tensor], list[Tensor]]:
    """The step of the kit's training, channels-last in bfloat16; and its weights."""
    torch.manual_seed(0)
    network = CIN().to(record.device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3, capturable=record.on_gpu)
    x = torch.rand(batch, 3, size, size, device=record.device).contiguous(memory_format=torch.channels_last)
    targets = F.one_hot(torch.arange(batch, device=record.device) % 3, 3).float()

    def work() -> Tensor:
        optimiser.zero_grad(set_to_none=False)
        with torch.autocast(record.device.type, torch.bfloat16, cache_enabled=False):
            loss = F.cross_entropy(network(x).float(), targets)
        loss.backward()
        optimiser.step()
        return loss

    return work, list(network.parameters())


def _plain_float32(record: Record, batch: int, size: int) -> Callable[[], Tensor]:
    """The step as anybody would write it."""
    torch.manual_seed(0)
    network = CIN().to(record.device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    x = torch.rand(batch, 3, size, size, device=record.device)
    labels = torch.arange(batch, device=record.device) % 3

    def work() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(network(x), labels)
        loss.backward()
        optimiser.step()
        return loss

    return work
