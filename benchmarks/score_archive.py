"""`coronet score` over a large generated archive, killed on the way, resumed with other numbers of workers, verified.

    python -m benchmarks.score_archive --films 100000 [--kills 5] [--out build/bench/archive]

Films are PNGs of 48 pixels, all different, and the model is the shipped one at 32 pixels: its answers mean nothing, and
take a fiftieth of the time. All of the run's processes get SIGKILL when a random part of the films is done. Beside it:
films per second, what the kills cost, and the memory of the parent and of the largest worker while it goes on. Stopped,
it goes on where it was when it is started again. On two quiet cores 100,000 films take 9 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from benchmarks.errors import errors_in_one_line
from benchmarks.small_archive import small_archive
from benchmarks.train_benchmark import processor
from phantoms.generate import make_phantom

_SIDE = 48  # pixels
_FOLDER_FILMS = 1000
_SAMPLE = 0.5  # seconds
_WORKERS = (2, 1, 3)  # one after the other, from run to run


@dataclass
class State:
    """What has happened so far; kept in a file."""

    kills: int = 0
    seconds: float = 0.0  # of all runs
    resumed_after: list[float] = field(default_factory=list)  # seconds from a start to its first part
    memory: list[tuple[int, int, int]] = field(default_factory=list)  # films done, MB of parent, of the largest worker


@errors_in_one_line()
def main() -> int:
    """Generate, score, kill, verify; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--shard-films", type=int, default=2000)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/archive"))
    args = parser.parse_args()
    films, run, notes = args.out / "films", args.out / "run", args.out / "state.json"
    args.out.mkdir(parents=True, exist_ok=True)
    generate(films, args.films)
    model = small_archive(args.run, args.out / "coronet.mar")
    state = State(**json.loads(notes.read_text())) if notes.exists() else State()
    command = [sys.executable, "-m", "cli", "score", str(films), "--model", str(model), "--out", str(run)]
    command += ["--shard-films", str(args.shard_films)]
    for attempt in range(state.kills, args.kills + 1):
        at = _when(args.films, args.kills, attempt)
        workers = _WORKERS[attempt % len(_WORKERS)]
        print(f"run {attempt + 1}: {workers} workers{f', killed at {at:,} films' if at else ''}", flush=True)
        status = _score([*command, "--workers", str(workers)], run, args.shard_films, at, state)
        notes.write_text(json.dumps(asdict(state)))
        if status:
            return status
    verified = subprocess.run([sys.executable, "-m", "cli", "score", "--out", str(run), "--verify"], check=False)
    _print(state, args.films)
    return verified.returncode


def generate(folder: Path, count: int) -> None:
    """Write PNGs, all different, a thousand to a folder; what is there already stays."""
    chests = [make_phantom(label, seed=seed, size=_SIDE).image for label in range(3) for seed in range(8)]
    draw = np.random.default_rng(0)
    for start in range(0, count, _FOLDER_FILMS):
        part = folder / f"{start // _FOLDER_FILMS:05d}"
        noise = draw.integers(-6, 7, (_FOLDER_FILMS, _SIDE, _SIDE), np.int16)
        if (part / ".whole").exists():
            continue
        part.mkdir(parents=True, exist_ok=True)
        for number in range(start, min(start + _FOLDER_FILMS, count)):
            pixels = chests[number % len(chests)] + noise[number - start]
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(part / f"{number:08d}.png", compress_level=1)
        (part / ".whole").touch()
        if start % (20 * _FOLDER_FILMS) == 0:
            print(f"{start:,} films generated", flush=True)


def _when(films: int, kills: int, attempt: int) -> int | None:
    """How many films are done when this run is killed; None for the last, which is not."""
    if attempt >= kills:
        return None
    return int(films * (attempt + random.Random(attempt).uniform(0.3, 0.9)) / (kills + 1))


def _score(command: list[str], run: Path, shard_films: int, kill_at: int | None, state: State) -> int:
    """One run; SIGKILL to all of its processes once so many films are in parts, and a shard is half scored."""
    started = time.monotonic()
    before = _parts(run)
    first: float | None = None
    process = subprocess.Popen(command, start_new_session=True)
    try:
        for done in _watched(process, run):
            state.memory.append((done * shard_films, *_memory(process.pid)))
            if first is None and done > before:
                first = time.monotonic() - started
            if kill_at is not None and done * shard_films >= kill_at:
                time.sleep(random.Random(kill_at).uniform(0, 2))  # anywhere in the shards that follow
                state.kills += 1
                break
        else:
            process.wait()
    finally:  # also when this benchmark itself is stopped
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    state.seconds += time.monotonic() - started
    if first is not None:
        state.resumed_after.append(round(first, 1))
    return 0 if kill_at is not None and process.returncode == -signal.SIGKILL else process.returncode


def _watched(process: subprocess.Popen[bytes], run: Path) -> Iterator[int]:
    """How many parts there are, now and then, while the process runs."""
    while process.poll() is None:
        time.sleep(_SAMPLE)
        yield _parts(run)


def _parts(run: Path) -> int:
    return len(list(run.glob("parts/0*")))


def _memory(pid: int) -> tuple[int, int]:
    """Resident MB of a process and of the largest below it."""
    try:
        parent = psutil.Process(pid)
        below = [each.memory_info().rss for each in parent.children(recursive=True)]
        return parent.memory_info().rss >> 20, max(below, default=0) >> 20
    except psutil.Error:
        return 0, 0


def _print(state: State, films: int) -> None:
    print(f"\n{processor()}: {films:,} films in {state.seconds:.0f} s of all runs, {state.kills} kills")
    print(f"from a start to its first new part: {', '.join(f'{each:g} s' for each in state.resumed_after)}")
    print("\n| films done | parent, MB | largest worker, MB |\n| --- | --- | --- |")
    for tenth in range(1, 11):
        near = [row for row in state.memory if row[0] <= films * tenth // 10 and row[2]]
        if near:
            done, parent, worker = near[-1]
            print(f"| {done:,} | {parent} | {worker} |")


if __name__ == "__main__":
    sys.exit(main())
