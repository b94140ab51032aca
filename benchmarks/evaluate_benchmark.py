"""`coronet evaluate`: time against the number of images, and peak memory, which should not grow with it.

    python -m benchmarks.evaluate_benchmark                              generated images, random weights
    python -m benchmarks.evaluate_benchmark --data DATA_DIR --model RUN_DIR|FILE.mar

Every count is one run of the whole command (reading, classifying, metrics, pictures, report; no explanations) in a
process of its own, whose peak resident memory the operating system reports.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.errors import errors_in_one_line
from model_src.artefacts import ArtefactInfo, write_artefacts
from model_src.classes import CLASS_NAMES
from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from model_src.weight_files import weight_files
from phantoms.data_dir import write_phantoms
from train.data.data_dir import read_data_dir
from train.data.examples import Example

COUNTS = (26, 52, 104, 208)
IMAGE_SIDE = 512  # of the generated images


@errors_in_one_line()
def main() -> None:
    """Run the command at every count and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DATA_DIR", help="real images; default: generated phantoms")
    parser.add_argument("--model", type=Path, help="run folder, artefact folder or .mar; default: random weights")
    parser.add_argument("--image-size", type=int, default=224, help="of the random model, pixels (224)")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="numbers of images")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images per step; default: the command's")
    parser.add_argument("--probe-shortcuts", action="store_true", help="measure the shortcut check too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coronet-benchmark-") as name:
        folder = Path(name)
        model = args.model or random_model(folder / "model", args.image_size)
        if args.data:
            examples = read_data_dir(args.data, "test")
        else:
            write_phantoms(folder / "phantoms", max(4, math.ceil(max(args.counts) / 3)), IMAGE_SIDE, seed=0)
            examples = read_data_dir(folder / "phantoms", "all")
        if max(args.counts) > len(examples):
            parser.error(f"--counts: {args.data or 'phantoms'} has {len(examples)} test images")
        options = ["--probe-shortcuts"] if args.probe_shortcuts else []
        options += ["--batch-size", str(args.batch_size)] if args.batch_size else []
        data = args.data.name if args.data else f"phantoms of {IMAGE_SIDE} pixels"
        print(f"coronet evaluate, {torch.get_num_threads()} threads, {args.model or 'random weights'}, {data}")
        print(f"{'images':>8} {'seconds':>9} {'peak MB':>9}")
        measured = []
        for count in args.counts:
            subset = write_subset(examples, count, folder / f"data-{count}")
            seconds, peak = run_once(
                [str(model), str(subset), "--out", str(folder / f"report-{count}"), *options, "--explain"]
            )
            measured.append((count, seconds, peak))
            print(f"{count:>8} {seconds:>9.1f} {peak:>9.0f}", flush=True)
    if len(measured) > 1:
        counts, times, peaks = (np.array(column) for column in zip(*measured, strict=True))
        slope, start = np.polyfit(counts, times, 1)
        print(f"{1 / slope:.1f} images/s after {start:.1f} s of start and report")
        growth = np.polyfit(counts, peaks, 1)[0]
        print(f"peak memory grows by {growth * 1000:.0f} kB per image")


def run_once(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of one `coronet evaluate`."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "coronet_serve", "evaluate", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit("coronet evaluate failed: see above")
    return time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6


def random_model(folder: Path, image_size: int) -> Path:
    """An artefact folder with seeded random weights: as much work as a trained one."""
    torch.manual_seed(0)
    info = ArtefactInfo(image_size, "random", {}, cin_trained=False, trained_on="unknown")
    write_artefacts(weight_files(CoroNet(TFEN(FPAE(), FPAE()), CIN())), info, folder)
    return folder


def write_subset(examples: list[Example], count: int, folder: Path) -> Path:
    """A data directory of `count` of the images, evenly over the list, so that every class is in it."""
    folder.mkdir()
    chosen = [examples[index] for index in np.linspace(0, len(examples) - 1, count).round().astype(int)]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "patient", "split", "source"])
        for example in chosen:
            label = CLASS_NAMES[example.label]
            writer.writerow([example.path.resolve(), label, example.patient, "test", example.source])
    return folder


if __name__ == "__main__":
    main()
