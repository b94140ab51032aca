"""The whole chain in one process by several engines, side by side, in one run.

    python -m benchmarks.engines_benchmark [--run archive/pretrained] [--sizes 128 512] [--batches 1 4 16]
        [--engines openvino onnxruntime] [--rounds 5] [--threads 2] [--out result.json]

From an image tensor in memory to probabilities; onnxruntime where it is installed (pip install -e '.[bench]'):

    eager                        PyTorch as the authors' code runs it: float32, contiguous, not compiled
    torchscript                  the kit's engine for GPUs, on the CPU
    onnxruntime                  the chain exported to ONNX, default settings
    openvino, direct             openvino.convert_model and compile_model for one caller, nothing of this kit
    openvino                     the kit's engine for CPUs
    openvino, mixed              bfloat16 where it changes no answer; what a server takes where that passes its check
    inductor                     what coronet compile makes; left out unless --engines names it
    openvino, direct, bfloat16   both in bfloat16, where the processor has instructions for it: OpenVINO's own default
    openvino, bfloat16           there, and in the kit only where model-config.yaml asks for it

Every round asks each of them once, in turn; medians over rounds are reported, and the largest difference of a
probability from eager's. All are loaded at once, which 16 images of 512 pixels do not allow in 24 GB: --engines names
those to run beside eager.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from benchmarks.errors import errors_in_one_line
from benchmarks.train_benchmark import processor
from model_src.classes import CLASS_NAMES
from model_src.engines.choose import open_engine
from model_src.engines.compact import CompactCoroNet
from model_src.engines.settings import EngineSettings
from model_src.networks.coronet import CoroNet
from phantoms.generate import make_phantom
from train.runs.run_folder import RunFolder, load_model

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # or each use reports to its makers
import openvino  # noqa: E402

Engine = Callable[[torch.Tensor], np.ndarray]  # images (N, 1, S, S) -> probabilities (N, 3)
CPU = torch.device("cpu")
BASE = "eager"
DIRECT = "openvino, direct"
COMPILED = "inductor"


@errors_in_one_line()
def main() -> None:
    """Measure all engines at all sizes and batches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--sizes", type=int, nargs="+", help="pixels a side (the run's own)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--engines", nargs="+", choices=[*engine_names(), COMPILED], default=engine_names())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    run = RunFolder(args.run)
    coronet = load_model(run)
    if not isinstance(coronet, CoroNet):
        parser.error(f"{args.run} is a baseline, need a run of CoroNet")
    rows = []
    print("| pixels | batch | engine | seconds | images/s | times eager | times openvino direct | largest difference |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for size in args.sizes or [run.record().recipe.image_size]:
        engines = {BASE: eager(coronet)} | open_engines(coronet, size, args.threads, args.engines)
        for batch in args.batches:
            for row in measure(engines, size, batch, args.rounds):
                rows.append(row)
                print(
                    f"| {size} | {batch} | {row['engine']} | {row['seconds']:.3f} | {row['images_per_second']:.2f} "
                    f"| {row['times_eager']:.2f} | {row['times_direct']:.2f} | {row['largest_difference']:.1e} |",
                    flush=True,
                )
    result = {
        "device": processor(),
        "threads": args.threads,
        "rounds": args.rounds,
        "versions": {name: version(name) for name in ("torch", "onnxruntime", "openvino") if find_spec(name)}
        | {"python": platform.python_version()},
        "rows": rows,
    }
    print(json.dumps({name: result[name] for name in ("device", "threads", "rounds", "versions")}))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2) + "\n")


def measure(engines: dict[str, Engine], size: int, batch: int, rounds: int) -> list[dict[str, float | str]]:
    """Median seconds of each engine for one batch, rounds interleaved, after a round that does not count."""
    xrays = [make_phantom(index % len(CLASS_NAMES), seed=index, size=size).image for index in range(batch)]
    x = torch.from_numpy(np.stack(xrays)[:, None]).float() / 255
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    answers = {name: engine(x) for name, engine in engines.items()}
    for _ in range(rounds):
        for name, engine in engines.items():
            begun = time.perf_counter()
            engine(x)
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return [
        {
            "pixels": size,
            "batch": batch,
            "engine": name,
            "seconds": median,
            "images_per_second": batch / median,
            "times_eager": medians[BASE] / median,
            "times_direct": medians.get(DIRECT, math.nan) / median,
            "largest_difference": float(np.abs(answers[name] - answers[BASE]).max()),
        }
        for name, median in medians.items()
    ]


def engine_names() -> list[str]:
    """What can be compared with eager here."""
    names = ["torchscript", *(["onnxruntime"] if find_spec("onnxruntime") else []), "openvino, direct", "openvino"]
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        names += ["openvino, mixed", "openvino, direct, bfloat16", "openvino, bfloat16"]
    return names


def open_engines(coronet: CoroNet, size: int, threads: int, names: Sequence[str]) -> dict[str, Engine]:
    """The engines of that name (see the module's docstring), ready."""
    makers: dict[str, Callable[[], Engine]] = {
        "torchscript": lambda: kit_engine(coronet, size, "torchscript", "float32"),
        "onnxruntime": lambda: onnx_runtime(coronet, size, threads),
        "openvino, direct": lambda: openvino_direct(coronet, size, threads, "f32"),
        "openvino": lambda: kit_engine(coronet, size, "openvino", "float32"),
        "openvino, mixed": lambda: kit_engine(coronet, size, "openvino", "mixed"),
        COMPILED: lambda: kit_engine(coronet, size, "inductor", "float32"),
        "openvino, direct, bfloat16": lambda: openvino_direct(coronet, size, threads, "bf16"),
        "openvino, bfloat16": lambda: kit_engine(coronet, size, "openvino", "bfloat16"),
    }
    return {name: makers[name]() for name in names}


def kit_engine(coronet: CoroNet, size: int, name: str, precision: str) -> Engine:
    """An engine of the server."""
    engine = open_engine(coronet, size, CPU, EngineSettings(name, precision))
    return lambda x: engine.classify(x).probabilities.numpy()


def eager(coronet: CoroNet) -> Engine:
    """PyTorch without any of the kit's preparations."""
    chain = CompactCoroNet(coronet.tfen, coronet.cin).eval()

    @torch.inference_mode()
    def run(x: torch.Tensor) -> np.ndarray:
        return chain(x)[0].numpy()

    return run


def onnx_runtime(coronet: CoroNet, size: int, threads: int) -> Engine:
    """ONNX Runtime on the exported chain."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx_bytes(coronet, size), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["probabilities"], {"x": x.numpy()})[0]


def onnx_bytes(coronet: CoroNet, size: int) -> bytes:
    """The chain as an ONNX model with input x (N, 1, S, S) and output probabilities (N, 3), any N."""
    chain = CompactCoroNet(coronet.tfen, coronet.cin).eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        path = Path(folder) / "chain.onnx"
        torch.onnx.export(
            chain,
            (torch.zeros(1, 1, size, size),),
            str(path),
            input_names=["x"],
            output_names=["probabilities", "residual_means"],
            dynamic_axes={"x": {0: "batch"}, "probabilities": {0: "batch"}, "residual_means": {0: "batch"}},
            dynamo=False,
        )
        return path.read_bytes()


def openvino_direct(coronet: CoroNet, size: int, threads: int, precision: str) -> Engine:
    """OpenVINO as its documentation has it for the least latency of one caller; `precision` "f32" or "bf16"."""
    chain = CompactCoroNet(coronet.tfen, coronet.cin).eval()
    shape = openvino.PartialShape([-1, 1, size, size])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it traces
        converted = openvino.convert_model(chain, example_input=torch.zeros(1, 1, size, size), input=[shape])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision,
    }
    compiled = openvino.compile_model(converted, "CPU", settings)
    return lambda x: compiled(x.numpy())[0]


if __name__ == "__main__":
    main()
