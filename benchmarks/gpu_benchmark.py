"""The whole chain on a GPU, in one process: precisions, batches, and how much of the GPU's peak they reach.

    python -m benchmarks.gpu_benchmark [--run archive/pretrained] [--sizes 224 512] [--batches 1 8 64] [--rounds 15]
        [--out result.json]

From an image tensor in main memory to probabilities in main memory, as a worker needs it, with the settings of a worker
(no TensorFloat-32, cuDNN's repeatable algorithms):

    eager                 PyTorch as the authors' code runs it: float32, contiguous
    float32, bfloat16,    the kit's engine for GPUs
    float16
    float16, CUDA graph   the same network recorded for one shape and replayed; a candidate, not used by the kit

The peak is what a product of two 8192 x 8192 matrices in float16 reaches in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from handlers.process import configure_process
from model_src import torchscript
from model_src.engines.compact import CompactCoroNet, scripted_compact
from model_src.engines.settings import PRECISIONS
from model_src.engines.torchscript_engine import TorchScriptEngine
from model_src.networks.coronet import CoroNet
from train.runs.run_folder import RunFolder, load_model

Engine = Callable[[Tensor], Tensor]  # images (N, 1, S, S) on the CPU -> probabilities (N, 3) on the CPU
GRAPH = "float16, CUDA graph"
_WARM_UP = 3


def main() -> None:
    """Measure all engines at all sizes and batches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 512])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("this PyTorch finds no CUDA device; benchmarks/engines_benchmark.py measures CPUs")
    device = torch.device("cuda")
    configure_process(torch.get_num_threads())
    coronet = load_model(RunFolder(args.run))
    if not isinstance(coronet, CoroNet):
        parser.error(f"{args.run} is a baseline, need a run of CoroNet")
    coronet = coronet.to(device).eval()
    peak = matrix_peak(device)
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, float16 peak {peak / 1e12:.0f} TFLOP/s\n")
    print("| pixels | batch | engine | ms | images/s | times eager | share of peak | largest difference |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    rows = []
    for size in args.sizes:
        for batch in args.batches:
            for row in measure(coronet, size, batch, args.rounds, peak):
                rows.append(row)
                print(
                    f"| {size} | {batch} | {row['engine']} | {row['ms']:.2f} | {row['images_per_second']:.0f} "
                    f"| {row['times_eager']:.2f} | {row['share_of_peak']:.1%} | {row['largest_difference']:.1e} |",
                    flush=True,
                )
    if args.out:
        facts = {"device": torch.cuda.get_device_name(device), "torch": torch.__version__, "float16_peak": peak}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(facts | {"rounds": args.rounds, "rows": rows}, indent=2) + "\n")


def measure(coronet: CoroNet, size: int, batch: int, rounds: int, peak: float) -> list[dict[str, float | str]]:
    """One row per engine for batches of random images; medians."""
    x = torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(0))
    device = next(coronet.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        coronet(x.to(device))
    engines = {"eager": eager(coronet)}
    engines |= {
        precision: kit_engine(coronet, size, device, precision) for precision in PRECISIONS if precision != "auto"
    }
    engines[GRAPH] = recorded(coronet, x)
    expected = engines["eager"](x)
    seconds = {name: median_seconds(engine, x, rounds) for name, engine in engines.items()}
    return [
        {
            "pixels": size,
            "batch": batch,
            "engine": name,
            "ms": 1000 * seconds[name],
            "images_per_second": batch / seconds[name],
            "times_eager": seconds["eager"] / seconds[name],
            "share_of_peak": counter.get_total_flops() / seconds[name] / peak,
            "largest_difference": float((engine(x) - expected).abs().max()),
        }
        for name, engine in engines.items()
    ]


def eager(coronet: CoroNet) -> Engine:
    """PyTorch without any of the kit's preparations."""
    device = next(coronet.parameters()).device

    @torch.inference_mode()
    def run(x: Tensor) -> Tensor:
        return coronet(x.to(device)).softmax(1).cpu()

    return run


def kit_engine(coronet: CoroNet, size: int, device: torch.device, precision: str) -> Engine:
    """The engine of the server."""
    engine = TorchScriptEngine.open(coronet, size, device, precision, None)
    return lambda x: engine.classify(x).probabilities


def recorded(coronet: CoroNet, x: Tensor) -> Engine:
    """The frozen network in float16, recorded once for the shape of `x` and replayed."""
    device = next(coronet.parameters()).device
    network: CompactCoroNet = torchscript.freeze(scripted_compact(coronet))  # type: ignore[assignment]
    shown = torch.zeros(x.shape, device=device).contiguous(memory_format=torch.channels_last)

    def forward() -> Tensor:
        with torch.autocast(device.type, torch.float16, cache_enabled=False):
            return network(shown)[0]

    stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with torch.inference_mode():
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # TorchScript compiles before anything is recorded
            for _ in range(_WARM_UP):
                forward()
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(graph):
            probabilities = forward()

    def run(x: Tensor) -> Tensor:
        shown.copy_(x)
        graph.replay()
        return probabilities.cpu()

    return run


def median_seconds(engine: Engine, x: Tensor, rounds: int) -> float:
    """Median time of a call, after some that do not count."""
    for _ in range(_WARM_UP):
        engine(x)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        engine(x)  # returns when its answer is in main memory
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def matrix_peak(device: torch.device) -> float:
    """Operations per second of a large matrix product in float16."""
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.float16) for _ in range(2))
    return 2 * 8192**3 / median_seconds(lambda _: (a @ b)[0, 0].cpu(), a, 10)


if __name__ == "__main__":
    main()
