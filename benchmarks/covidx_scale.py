"""Time and peak memory of check, cache and one training epoch at the size of COVIDx, with stand-ins for the images.

    python -m benchmarks.covidx_scale path/to/train_COVIDx.txt

The label file and its test counterpart are taken as published (version 1: 16,546 and 210 lines); every image that
they name becomes a small gray picture of smooth noise, of the format that its name says. What is measured is how
time and memory grow with the number of images; decoding X-rays of full size takes longer for each.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.errors import errors_in_one_line
from train.data.data_dir import list_splits
from train.data.examples import Example

CACHE = """
import sys
from train.data.data_dir import list_splits
from train.data.image_cache import open_cache

labels, root, cache_dir, image_size = sys.argv[1:]
examples = [example for split in list_splits(labels, [root]).values() for example in split]
cache = open_cache(examples, int(image_size), cache_dir)
for start in range(0, len(cache), 64):
    cache.tensor(range(start, min(start + 64, len(cache))))
"""


@errors_in_one_line()
def main() -> None:
    arguments = _parse_arguments()
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        folder = Path(work)
        root, cache = folder / "images", folder / "cache"
        splits = list_splits(arguments.labels)
        files = make_stand_ins(splits, arguments.labels.parent, root, arguments.side)
        lines = ", ".join(f"{len(examples):,} {split}" for split, examples in splits.items())
        print(f"{lines} lines, {files:,} images of {arguments.side} x {arguments.side} pixels", flush=True)

        coronet = [sys.executable, "-m", "coronet_serve"]
        size = str(arguments.image_size)
        fill = [sys.executable, "-c", CACHE, str(arguments.labels), str(root), str(cache), size]
        measure("coronet data check", [*coronet, "data", "check", str(arguments.labels), "--roots", str(root)])
        measure(f"cache at {size} px, filled and read", fill)
        measure(f"cache at {size} px, read again", fill)
        train = [*coronet, "train", str(arguments.labels), "--roots", str(root), "--out", str(folder / "run")]
        train += ["--recipe", arguments.recipe, "--image-size", size, "--fpae-epochs", "1", "--cin-epochs", "1"]
        measure("coronet train, one epoch", [*train, "--cin-init", "random", "--cache-dir", str(cache)])


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="a COVIDx train_*.txt, its test_*.txt beside it")
    parser.add_argument("--side", type=int, default=128, help="side of the stand-ins in pixels (default 128)")
    parser.add_argument("--image-size", type=int, default=32, help="side of the network's input (default 32)")
    parser.add_argument("--recipe", default="quick", help="training recipe (default quick)")
    parser.add_argument("--work", type=Path, help="where the temporary folder goes (default: the system's)")
    return parser.parse_args()


def make_stand_ins(splits: dict[str, list[Example]], labels: Path, root: Path, side: int) -> int:
    """Write one picture for each image the label files name; all differ. Returns how many."""
    paths = {example.path.relative_to(labels) for examples in splits.values() for example in examples}
    for path in sorted(paths):
        seed = int.from_bytes(hashlib.sha256(str(path).encode()).digest()[:8], "big")
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(root / path)
    return len(paths)


def measure(what: str, command: list[str]) -> None:
    """Run a command and print its wall time, its own peak memory and exit status; what it says only if it failed."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)  # unlike Popen.wait, tells what this one child has used
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss / 1024
        print(f"{what}: {seconds:.0f} s, peak {peak:.0f} MiB, exit status {process.returncode}", flush=True)
        if process.returncode:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace")[-2000:])


if __name__ == "__main__":
    main()
