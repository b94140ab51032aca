"""`coronet score` against its own engine in a bare loop, and its parts against JSON lines.

    python -m benchmarks.score_benchmark [--films 400] [--side 512] [--rounds 3] [--ray] [--out build/bench/score]

- Films per second, with reading and decoding: a loop over read, decode, classify in one process and in two, each
  with one thread; `score` with one and two workers; with --ray on a Ray cluster of two cores, which is started here.
  Each is timed on N and on 3 N films, and the rate is that of the difference: starting, loading and listing, which a
  large archive does once, fall out. Rounds alternate; medians, and ratios within a round.
- Size and seconds of a part beside the same rows as JSON lines, written and read.
- What a SIGKILL costs: films that were scored and are in no part, and seconds until a run goes on.

benchmarks/score_archive.py has the memory, over 100,000 films. On two quiet cores: some 14 minutes, 18 with --ray.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.errors import errors_in_one_line
from benchmarks.shipped import pack
from benchmarks.train_benchmark import processor
from launcher.stop_signals import stop_signals
from launcher.torchserve_config import free_ports
from phantoms.generate import make_phantom

_ROOT = Path(__file__).parents[1]
_SHARD = 40
_GROWTH = 3  # the longer run has so many times the films


@errors_in_one_line()
def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--side", type=int, default=512, help="pixels of a film")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/score"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    with stop_signals(), tempfile.TemporaryDirectory(prefix="score-") as name:
        folder = Path(name)
        _, store = pack(args.run, folder)
        small, large = folder / "small", folder / "large"
        write_films(small, args.films, args.side)
        write_films(large, _GROWTH * args.films, args.side)
        model = store / "coronet.mar"
        with ray_cluster(folder) if args.ray else _nothing() as address:
            ways = _ways(model, folder, address)
            rounds = [_round(ways, small, large) for _ in range(args.rounds)]
        result = {
            "machine": processor(),
            "films": args.films,
            "side": args.side,
            "rates": rounds,
            "formats": formats(folder / "timed"),
            "kill": killed(model, large, folder / "killed"),
        }
    (args.out / "score.json").write_text(json.dumps(result, indent=1) + "\n")
    _print(result)
    return 0


def write_films(folder: Path, count: int, side: int) -> None:
    """Generated chests as JPEG: few drawings, all files different."""
    folder.mkdir()
    drawn = [make_phantom(label, seed=seed, size=side).image for label in range(3) for seed in range(2)]
    draw = np.random.default_rng(0)
    for number in range(count):
        pixels = np.roll(drawn[number % len(drawn)], int(draw.integers(-8, 9)), axis=1)
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=int(draw.integers(85, 95)))


def _ways(model: Path, folder: Path, address: str | None) -> dict[str, Callable[[Path], float]]:
    """Name -> what scores a folder of films that way; it gives the seconds."""
    ways: dict[str, Callable[[Path], float]] = {
        "loop, 1 process": lambda films: looped(model, films, 1),
        "score, 1 worker": lambda films: scored(model, films, folder / "timed", "--workers", "1"),
        "loop, 2 processes": lambda films: looped(model, films, 2),
        "score, 2 workers": lambda films: scored(model, films, folder / "timed", "--workers", "2"),
    }
    if address is not None:
        ways["score, Ray with 2 cores"] = lambda films: scored(model, films, folder / "timed", "--ray", address)
    return ways


def _round(ways: dict[str, Callable[[Path], float]], small: Path, large: Path) -> dict[str, float]:
    """Films per second of each way."""
    rates = {}
    films = len(list(large.iterdir())) - len(list(small.iterdir()))
    for name, way in ways.items():
        rates[name] = films / (way(large) - way(small))
        print(f"  {name}: {rates[name]:.2f} films/s", flush=True)
    return rates


def scored(model: Path, films: Path, out: Path, *words: str) -> float:
    """Seconds of a whole `coronet score`."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    subprocess.run(_command(model, films, out, *words), check=True, cwd=_ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _command(model: Path, films: Path, out: Path, *words: str) -> list[str]:
    named = [str(films), "--model", str(model), "--out", str(out), "--shard-films", str(_SHARD), *words]
    return [sys.executable, "-m", "cli", "score", *named]


def looped(model: Path, films: Path, processes: int) -> float:
    """Seconds of a bare loop over the films, loading included; several processes share them."""
    paths = [str(path) for path in sorted(films.iterdir())]
    started = time.perf_counter()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(_loop, [str(model)] * processes, [paths[number::processes] for number in range(processes)]))
    return time.perf_counter() - started


def _loop(model: str, paths: list[str]) -> None:
    from scoring.model import open_model

    predictor = open_model(Path(model))
    for path in paths:
        predictor.predict([predictor.read(Path(path).read_bytes())])


def formats(run: Path) -> list[dict[str, Any]]:
    """Size of the parts of a run as they are and as JSON lines, and seconds to write all and to read one column."""
    table = pq.read_table(run / "parts")
    rows = table.to_pylist()

    def as_lines() -> bytes:
        return "\n".join(json.dumps(row) for row in table.to_pylist()).encode()

    def as_parquet() -> bytes:
        buffer = BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        return buffer.getvalue()

    lines, parquet = as_lines(), as_parquet()
    return [
        {
            "format": name,
            "rows": len(rows),
            "bytes_a_film": len(content) / len(rows),
            "write_seconds": _seconds(write),
            "read_seconds": _seconds(read),
        }
        for name, content, write, read in (
            ("Parquet", parquet, as_parquet, lambda: pq.read_table(BytesIO(parquet), columns=["label"])),
            ("JSON lines", lines, as_lines, lambda: [json.loads(line)["label"] for line in lines.split(b"\n")]),
        )
    ]


def _seconds(action: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def killed(model: Path, films: Path, out: Path) -> dict[str, Any]:
    """SIGKILL to a run with two workers when half of its films are in parts; what it cost."""
    total = len(list(films.iterdir()))
    whole = scored(model, films, out, "--workers", "2")
    shutil.rmtree(out)
    started = time.perf_counter()
    process = subprocess.Popen(
        _command(model, films, out, "--workers", "2"), cwd=_ROOT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    while len(list(out.glob("parts/0*"))) * _SHARD < total / 2 and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.4 * _SHARD / (total / whole) * 2)  # when both are in the middle of a shard
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    first = time.perf_counter() - started
    kept = len(list(out.glob("parts/0*"))) * _SHARD
    again = time.perf_counter()
    subprocess.run(_command(model, films, out, "--workers", "2"), check=True, cwd=_ROOT, stdout=subprocess.DEVNULL)
    return {
        "films": total,
        "in_parts": kept,
        "whole_seconds": whole,
        "killed_and_resumed_seconds": first + time.perf_counter() - again,
        "shard_films": _SHARD,
        "workers": 2,
    }


@contextmanager
def ray_cluster(folder: Path) -> Iterator[str]:
    """A Ray of two cores on this machine; its address."""
    (port,) = free_ports(1)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_TMPDIR": str(folder)}
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--head", f"--port={port}", "--num-cpus=2", "--block"]
    quiet = ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=80000000"]
    process = subprocess.Popen([*command, *quiet], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(20)  # it has no way to say that it is ready
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()  # with --block, its end is that of all its processes
        process.wait(60)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def _print(result: dict[str, Any]) -> None:
    rounds = result["rates"]
    print(f"\n{result['machine']}, JPEG of {result['side']} pixels\n\n| | films/s | of the loop |\n| --- | --- | --- |")
    for name in rounds[0]:
        loop = "loop, 1 process" if name.endswith(("1 process", "1 worker")) else "loop, 2 processes"
        ratio = statistics.median(each[name] / each[loop] for each in rounds)
        print(f"| {name} | {statistics.median(each[name] for each in rounds):.2f} | {ratio:.3f} |")
    if "score, Ray with 2 cores" in rounds[0]:
        ratio = statistics.median(each["score, Ray with 2 cores"] / each["score, 2 workers"] for each in rounds)
        print(f"\nRay beside processes: {ratio:.3f}")
    print("\n| format | bytes a film | ms to write 1,000 | ms to read the labels of 1,000 |\n| --- | --- | --- | --- |")
    for row in result["formats"]:
        write, read = (1e6 * row[name] / row["rows"] for name in ("write_seconds", "read_seconds"))
        print(f"| {row['format']} | {row['bytes_a_film']:.0f} | {write:.1f} | {read:.1f} |")
    kill = result["kill"]
    lost = kill["killed_and_resumed_seconds"] - kill["whole_seconds"]
    print(
        f"\nSIGKILL with {kill['in_parts']} of {kill['films']} films in parts: {lost:.1f} s more than the "
        f"{kill['whole_seconds']:.1f} s of a run that nobody kills, a second start among them"
    )


if __name__ == "__main__":
    sys.exit(main())
