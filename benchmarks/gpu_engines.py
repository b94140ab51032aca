"""Predictions on a GPU: the engine of CUDA graphs beside TorchScript's, speed, answers, and what bounds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import gpu_traffic
from benchmarks.gpu_record import Record, Row
from benchmarks.shipped import jpeg
from model_src.cuda_graph import CudaGraph
from model_src.engines.cuda_graph_engine import CudaGraphEngine
from model_src.engines.fused_chain import FusedChain
from model_src.engines.settings import TOLERANCE
from model_src.engines.torchscript_engine import TorchScriptEngine
from model_src.engines.triton_tfen import Tiling
from model_src.imaging.xray import read_xray
from phantoms.generate import make_phantom

Classify = Callable[[Tensor], Tensor]  # images (N, 1, S, S) on the CPU -> probabilities (N, 3) on the CPU
NEW, TODAY, TODAY_EXACT, EAGER = "cuda float16", "torchscript float16", "torchscript float32", "eager float32"
_TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def speed(record: Record, rows: list[Row]) -> None:
    """From an image tensor in main memory to probabilities in main memory."""
    new = new_engine(record, record.image_size, "float16")
    today = kit_engine(record, "float16")
    for batch in record.batches:
        _compare(record, rows, record.image_size, batch, {NEW: new, TODAY: today})


def speed_large(record: Record, rows: list[Row]) -> None:
    """The same for large images."""
    new = new_engine(record, record.large_size, "float16")
    today = kit_engine(record, "float16")
    for batch in record.large_batches:
        _compare(record, rows, record.large_size, batch, {NEW: new, TODAY: today})


def other_precisions(record: Record, rows: list[Row]) -> None:
    """bfloat16, and the alternatives in float32."""
    others = {
        NEW: new_engine(record, record.image_size, "float16"),
        "cuda bfloat16": new_engine(record, record.image_size, "bfloat16"),
        TODAY_EXACT: kit_engine(record, "float32"),
        EAGER: eager(record),
        "eager float16, CUDA graph": recorded_eager(record),
    }
    for batch in (record.batches[0], record.batches[-1]):
        _compare(record, rows, record.image_size, batch, others)


def _compare(record: Record, rows: list[Row], size: int, batch: int, engines: dict[str, Classify]) -> None:
    x = torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(0))
    seconds = {name: record.seconds(lambda engine=engine: engine(x)) for name, engine in engines.items()}  # type: ignore[misc]
    for name, taken in seconds.items():
        record.add(rows, {
            "pixels": size, "batch": batch, "engine": name, "ms": 1000 * taken, "images_per_s": batch / taken,
            "new_is_times_faster": taken / seconds[NEW],
        })  # fmt: skip


def answers(record: Record, rows: list[Row], films: Path | None, precisions: tuple[str, ...] = ("float16",)) -> None:
    """The rule: no label changes, no probability moves by more than TOLERANCE, against eager float32."""
    size = record.image_size
    count = 48 if record.on_gpu else 2
    shown = {"phantoms": torch.stack([_phantom(n, size) for n in range(count)])}
    if films:
        shown["X-rays"] = torch.from_numpy(np.load(films)["films"]).float()[:, None] / 255
    new = {f"cuda {precision}": new_engine(record, size, precision) for precision in precisions}
    for kind, x in shown.items():
        expected = _all(eager(record), x)
        for name, engine in (new | {TODAY: kit_engine(record, "float16")}).items():
            found = _all(engine, x)
            moved = float((found - expected).abs().max())
            changed = int((found.argmax(1) != expected.argmax(1)).sum())
            record.add(rows, {
                "images": f"{len(x)} {kind}", "engine": name, "changed_labels": changed, "largest_shift": moved,
                "passed": changed == 0 and moved <= TOLERANCE,
            })  # fmt: skip
        for name, engine in new.items():
            few = x[:16]
            apart = (_all(engine, few) - torch.cat([engine(part) for part in few.split(1)])).abs().max()
            record.add(rows, {"images": f"{len(few)} {kind}", "engine": f"{name}: together and alone",
                              "largest_shift": float(apart)})  # fmt: skip


def _all(engine: Classify, x: Tensor) -> Tensor:
    return torch.cat([engine(part) for part in x.split(16)])


def roofline(record: Record, rows: list[Row]) -> None:
    """Bytes, operations and launches of the new engine, and the time of its two halves on the device."""
    peak, copied = ceilings(record)
    record.found["ceilings"] = {"float16_product_flop_per_s": peak, "copy_bytes_per_s": copied}
    fused = FusedChain(record.coronet, record.device, torch.float16)
    tfen, cin = fused.tfen, fused.cin
    size = record.image_size
    for batch in (record.batches[0], record.batches[-1]):
        x = torch.rand(batch, 1, size, size, device=record.device)
        with torch.inference_mode():
            shown = tfen(x, cin.mean, cin.std)[1]
            chain = record.coronet
            halves: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
                "autoencoders": (partial(tfen, x, cin.mean, cin.std), partial(chain.tfen, x)),
                "classifier": (partial(cin, shown), partial(chain.cin, shown[:, :3].float())),
            }
            for name, (work, reference) in halves.items():
                with FlopCounterMode(display=False) as counter:
                    reference()
                replay = CudaGraph(work, record.device).replay if record.on_gpu else work
                taken = record.device_seconds(replay)
                least = gpu_traffic.fused(chain, batch, size).bytes if name == "autoencoders" else float("nan")
                flop = counter.get_total_flops()
                record.add(rows, {
                    "batch": batch, "half": name, "device_ms": 1000 * taken, "launches": launches(record, work),
                    "GFLOP": flop / 1e9, "share_of_peak": flop / taken / peak, "MB_once": least / 1e6,
                    "share_of_bandwidth": least / taken / copied,
                })  # fmt: skip


def kernel_times(record: Record, rows: list[Row]) -> None:
    """The kernels of the new engine at the largest batch, and TorchScript's, the slowest first."""
    if not record.on_gpu:
        return
    size, batch = record.image_size, record.batches[-1]
    x = torch.rand(batch, 1, size, size)
    for name, engine in {NEW: new_engine(record, size, "float16"), TODAY: kit_engine(record, "float16")}.items():
        for _ in range(3):
            engine(x)
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
            engine(x)
            torch.cuda.synchronize()
        kernels = [event for event in seen.key_averages() if event.self_device_time_total > 0]
        kernels.sort(key=lambda event: -event.self_device_time_total)
        whole = sum(event.self_device_time_total for event in kernels)
        for event in kernels[:14]:
            record.add(rows, {
                "engine": name, "kernel": event.key[:70], "calls": event.count,
                "us": round(event.self_device_time_total, 1), "share": event.self_device_time_total / whole,
            })  # fmt: skip


def tilings(record: Record, rows: list[Row]) -> None:
    """The whole of the autoencoders with other cuts of the work."""
    size, batch = record.image_size, record.batches[-1]
    x = torch.rand(batch, 1, size, size, device=record.device)
    mean, std = torch.zeros(3, device=record.device), torch.ones(3, device=record.device)
    tried = [Tiling(), Tiling(256, 32, 8, 3), Tiling(128, 32, 4, 2), Tiling(128, 16, 4, 4), Tiling(64, 32, 2, 3)]
    for tiling in tried if record.on_gpu else tried[:1]:
        if time.monotonic() > record.ends:
            break
        tfen = FusedChain(record.coronet, record.device, torch.float16, tiling).tfen
        with torch.inference_mode():
            taken = record.device_seconds(lambda tfen=tfen: tfen(x, mean, std))  # type: ignore[misc]
        record.add(rows, {"batch": batch, "tiling": str(tiling), "device_ms": 1000 * taken})


def compiled(record: Record, rows: list[Row]) -> None:
    """PyTorch in float16 under torch.compile, with graphs of its own; how long the first call takes."""
    if not record.on_gpu:
        return
    network = torch.compile(record.coronet, mode="reduce-overhead", dynamic=False)

    @torch.inference_mode()
    def run(x: Tensor) -> Tensor:
        with torch.autocast(record.device.type, torch.float16, cache_enabled=False):
            return network(x.to(record.device)).float().softmax(1).cpu()

    for batch in (record.batches[-1], record.batches[0]):
        x = torch.rand(batch, 1, record.image_size, record.image_size)
        begun = time.perf_counter()
        run(x)
        first = time.perf_counter() - begun
        taken = record.seconds(lambda x=x: run(x))  # type: ignore[misc]
        ours = record.seconds(lambda x=x: new_engine(record, record.image_size, "float16")(x))  # type: ignore[misc]
        record.add(rows, {
            "batch": batch, "first_s": first, "ms": 1000 * taken, "images_per_s": batch / taken,
            "new_is_times_faster": taken / ours,
        })  # fmt: skip


def from_files(record: Record, rows: list[Row]) -> None:
    """From the bytes of JPEG films to probabilities: one after the other, and decoding beside the GPU."""
    size = record.image_size
    films = [jpeg(1024)] * (32 if record.on_gpu else 2)
    engine = new_engine(record, size, "float16")
    batch = 8

    def decode(part: list[bytes]) -> Tensor:
        return torch.stack([read_xray(film, size).tensor for film in part])

    parts = [films[start : start + batch] for start in range(0, len(films), batch)]

    def in_turn() -> None:
        for part in parts:
            engine(decode(part))

    def beside(pool: ThreadPoolExecutor) -> None:
        for x in pool.map(decode, parts):
            engine(x)

    base = record.seconds(in_turn, most=2)
    record.add(rows, {"way": "decode, then classify", "films_per_s": len(films) / base, "times": 1.0})
    for threads in (1, 4, 16):
        with ThreadPoolExecutor(threads) as pool:
            taken = record.seconds(lambda pool=pool: beside(pool), most=2)  # type: ignore[misc]
        way = f"{threads} threads decode beside the GPU"
        record.add(rows, {"way": way, "films_per_s": len(films) / taken, "times": base / taken})


def new_engine(record: Record, size: int, precision: str) -> Classify:
    """The engine of CUDA graphs; on a CPU, what it would record."""

    def opened() -> Classify:
        if record.on_gpu:
            engine = CudaGraphEngine.open(record.coronet, size, record.device, precision, None)
            return lambda x: engine.classify(x).probabilities
        chain = FusedChain(record.coronet, record.device, _TYPES[precision])
        return torch.inference_mode()(lambda x: chain(x)[:, :3])

    return record.once(f"cuda {precision} {size}", opened)


def kit_engine(record: Record, precision: str) -> Classify:
    """The engine that a GPU had so far."""

    def opened() -> Classify:
        kind = precision if record.on_gpu else "float32"
        engine = TorchScriptEngine.open(record.coronet, record.image_size, record.device, kind, None)
        return lambda x: engine.classify(x).probabilities

    return record.once(f"torchscript {precision}", opened)


def eager(record: Record) -> Classify:
    """PyTorch without any of the kit's preparations."""

    @torch.inference_mode()
    def run(x: Tensor) -> Tensor:
        return record.coronet(x.to(record.device)).softmax(1).cpu()

    return run


def recorded_eager(record: Record) -> Classify:
    """PyTorch in float16 as autocast has it, channels-last, recorded for each shape: a graph, and nothing else."""
    graphs: dict[torch.Size, tuple[Tensor, Callable[[], Tensor]]] = {}

    @torch.inference_mode()
    def run(x: Tensor) -> Tensor:
        if x.shape not in graphs:
            shown = x.to(record.device).contiguous(memory_format=torch.channels_last)

            def work() -> Tensor:
                with torch.autocast(record.device.type, torch.float16, cache_enabled=False):
                    return record.coronet(shown).float().softmax(1)

            graphs[x.shape] = shown, CudaGraph(work, record.device).replay if record.on_gpu else work
        shown, replay = graphs[x.shape]
        shown.copy_(x)
        return replay().cpu()

    return run


def ceilings(record: Record) -> tuple[float, float]:
    """Operations per second of a large product in float16, and bytes per second of a copy, read and written."""
    side = 8192 if record.on_gpu else 64
    a, b = (torch.randn(side, side, device=record.device, dtype=torch.float16) for _ in range(2))
    peak = 2 * side**3 / record.device_seconds(lambda: a @ b)
    source = torch.zeros(2**29 if record.on_gpu else 2**10, device=record.device)
    target = torch.empty_like(source)
    return peak, 2 * source.numel() * 4 / record.device_seconds(lambda: target.copy_(source))


def launches(record: Record, work: Callable[[], object]) -> int:
    """Kernels that a call starts."""
    if not record.on_gpu:
        return 0
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        work()
        torch.cuda.synchronize()
    return sum(event.count for event in seen.key_averages() if event.self_device_time_total > 0)


def _phantom(number: int, size: int) -> Tensor:
    image = make_phantom(number % 3, seed=number, size=size).image
    return torch.from_numpy(image.astype(np.float32) / np.iinfo(image.dtype).max)[None]
