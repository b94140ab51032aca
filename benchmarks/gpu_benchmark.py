"""Everything that the kit does on a GPU, each beside its alternative in the same run, and what bounds it.

    python -m benchmarks.gpu_benchmark [--run archive/pretrained] [--seconds 200] [--out result.json]
        [--films films.npz] [--only SECTION ...] [--device cuda]

Sections: answers (the accuracy rule), speed, speed_large, explanations, roofline, training, epochs, kernel_times,
parts, other_precisions, from_files, tilings, compiled, answers_bfloat16, same_steps. Each is timed by itself; the
failure of one is written down and harms no other; the file is written after every row, so that a run that was cut
keeps what it has. No new section begins after --seconds.

Settings are those of a worker (no TensorFloat-32, cuDNN's repeatable algorithms). Times are medians, from an image
tensor in main memory to probabilities in main memory; those of "roofline", "tilings" and "kernel_times" are on the
device alone. --films are X-rays for the accuracy rule: an .npz with "films", uint8 (N, S, S). With
TRITON_INTERPRET=1 and --device cpu every line runs, on tiny images, and no figure means anything.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from pathlib import Path

import torch

from benchmarks import gpu_engines, gpu_explanations, gpu_training
from benchmarks.errors import errors_in_one_line
from benchmarks.gpu_record import Measure, Record
from handlers.process import configure_process
from model_src.networks.coronet import CoroNet
from train.runs.run_folder import RunFolder, load_model


@errors_in_one_line()
def main() -> None:
    """Measure the sections asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--films", type=Path)
    parser.add_argument("--only", nargs="+", metavar="SECTION")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("this PyTorch finds no CUDA device; benchmarks/engines_benchmark.py measures CPUs")
    if args.device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":  # it is read when triton is imported
        parser.error("--device cpu: the kernels run on Triton's interpreter there; set TRITON_INTERPRET=1")
    configure_process(torch.get_num_threads())
    coronet = load_model(RunFolder(args.run))
    if not isinstance(coronet, CoroNet):
        parser.error(f"{args.run} is a baseline, need a run of CoroNet")
    on_gpu = args.device == "cuda"
    record = Record(
        coronet=coronet.to(args.device).eval().requires_grad_(False),
        device=torch.device(args.device, 0) if on_gpu else torch.device("cpu"),
        image_size=224 if on_gpu else 16,
        batches=[1, 4, 16, 64] if on_gpu else [1, 2],
        large_size=512 if on_gpu else 24,
        large_batches=[1, 16, 64] if on_gpu else [1],
        rounds=args.rounds,
        ends=time.monotonic() + args.seconds,
        out=args.out,
    )
    name = torch.cuda.get_device_name() if on_gpu else "CPU, for a trial of the lines"
    record.found["facts"] = {"device": name, "torch": torch.__version__, "rounds": args.rounds}
    print(f"{name}, torch {torch.__version__}", flush=True)
    sections: dict[str, Measure] = {
        "answers": partial(gpu_engines.answers, films=args.films),
        "speed": gpu_engines.speed,
        "speed_large": gpu_engines.speed_large,
        "explanations": gpu_explanations.explanations,
        "roofline": gpu_engines.roofline,
        "training": gpu_training.training,
        "epochs": gpu_training.epochs,
        "kernel_times": gpu_engines.kernel_times,
        "parts": gpu_explanations.parts,
        "other_precisions": gpu_engines.other_precisions,
        "from_files": gpu_engines.from_files,
        "tilings": gpu_engines.tilings,
        "compiled": gpu_engines.compiled,
        "answers_bfloat16": partial(gpu_engines.answers, films=args.films, precisions=("bfloat16",)),
        "same_steps": gpu_training.same_steps,
    }
    if args.only and (unknown := set(args.only) - set(sections)):
        parser.error(f"--only: found {', '.join(sorted(unknown))}, need names of {', '.join(sections)}")
    for section, measure in sections.items():
        if not args.only or section in args.only:
            record.section(section, measure)


if __name__ == "__main__":
    main()
