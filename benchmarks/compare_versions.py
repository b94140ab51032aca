"""Served speed, start-up and memory of this tree beside another commit's, in the same run.

    python -m benchmarks.compare_versions COMMIT [--rounds 5] [--seconds 30] [--clients 4] [--workers 2]
        [--run archive/pretrained] [--out build/bench/versions]

COMMIT is anything git can name. Each version packs the run with its own code and serves it by its own `coronet
serve`, in one environment: the libraries are those of the Python that runs this. A round starts both, one after the
other, first one first and then the other; each is asked for predictions of a 512 x 512 JPEG for so many seconds, after
some that do not count. The medians over the rounds are compared. Memory is what a worker has for itself after the
predictions, of the one in the middle: with two or more workers for predictions it is one of these. Options that COMMIT
needs and this tree does not have are no matter, as long as it has `export`, `archive` and `serve`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.errors import errors_in_one_line
from benchmarks.serve_command import Code, serve_command
from benchmarks.shipped import jpeg
from benchmarks.train_benchmark import processor
from client.load import drive
from model_src.cores import available_cores

_ROOT = Path(__file__).parents[1]
_WARM_UP = 3.0  # seconds


@dataclass(frozen=True)
class Measured:
    """One server of one round."""

    start_seconds: float  # from the command to the first answers
    per_second: float  # predictions
    p95: float  # seconds
    failed: int
    worker_mb: float  # unshared memory, the median of the workers


@errors_in_one_line()
def main() -> None:
    """Measure, print a table, write result.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--workers", type=int, default=min(available_cores(), 4))
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/versions"))
    args = parser.parse_args()
    body = jpeg()
    rounds: dict[str, list[Measured]] = {args.commit: [], "this tree": []}
    with tempfile.TemporaryDirectory(prefix="versions-", dir="/tmp") as temporary:
        folder = Path(temporary)
        with checked_out(args.commit, folder / "tree") as tree:
            codes = {
                args.commit: Code(python_for(tree, folder / "python-before"), tree),
                "this tree": Code(python_for(_ROOT, folder / "python-now"), _ROOT),
            }
            stores = {name: folder / f"store-{number}" for number, name in enumerate(codes)}
            for name, code in codes.items():
                pack(code, args.run.resolve(), stores[name])
            for number in range(args.rounds):
                for name in turns(list(codes), number):
                    measured = measure(codes[name], stores[name], folder / "state", body, args)
                    rounds[name].append(measured)
                    print(
                        f"round {number + 1}, {name}: {measured.per_second:.2f} predictions/s, "
                        f"start {measured.start_seconds:.1f} s, a worker {measured.worker_mb:.0f} MB",
                        flush=True,
                    )
    result = {
        "device": processor(),
        "clients": args.clients,
        "workers": args.workers,
        "seconds": args.seconds,
        "rounds": {name: [asdict(each) for each in found] for name, found in rounds.items()},
        **compare(rounds[args.commit], rounds["this tree"]),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print("\n| version | predictions/s | p95 | start | a worker | failed |\n| --- | --- | --- | --- | --- | --- |")
    for name, found in rounds.items():
        rate, p95, start, worker = (
            middle(found, field) for field in ("per_second", "p95", "start_seconds", "worker_mb")
        )
        failed = sum(each.failed for each in found)
        print(f"| {name} | {rate:.2f} | {p95 * 1000:.0f} ms | {start:.1f} s | {worker:.0f} MB | {failed} |")
    print(
        f"\nspeed {result['speed_ratio']:.3f} of before, start-up {result['start_ratio']:.3f} of before, "
        f"memory {result['memory_ratio']:.3f} of before"
    )


@contextmanager
def checked_out(commit: str, tree: Path) -> Iterator[Path]:
    """The files of a commit in `tree`, for as long as this lasts. Raises SystemExit if git knows none of that name."""
    named = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{commit}^{{commit}}"]
    if subprocess.run(named, cwd=_ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
        raise SystemExit(f"COMMIT: found {commit}, need a commit, tag or branch of this repository")
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=_ROOT, check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=_ROOT, check=True)


def python_for(tree: Path, folder: Path) -> Path:
    """A Python that has this one's libraries, and our modules from `tree` in all its child processes.

    This one's own installation of the project is left out: a commit's processes would import this tree's modules.
    """
    venv.create(folder, symlinks=True)
    site = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    # Plain folders: the .pth files in the second, which install a checkout, are not read.
    Path(site, "version.pth").write_text(f"{tree}\n{sysconfig.get_path('purelib')}\n")
    for script in Path(sys.executable).parent.iterdir():
        if not (folder / "bin" / script.name).exists():
            (folder / "bin" / script.name).symlink_to(script)
    return folder / "bin" / "python"


def pack(code: Code, run: Path, store: Path) -> None:
    """The run in an archive of this code."""
    artefacts = store.with_name(f"{store.name}-artefacts")
    code.run("export", run, "--out", artefacts)
    code.run("archive", artefacts, "--out", store)


def turns(names: Sequence[str], number: int) -> list[str]:
    """Who comes first changes from round to round: a machine gets warm, and its neighbours come and go."""
    return list(names) if number % 2 == 0 else list(reversed(names))


def measure(code: Code, store: Path, state: Path, body: bytes, args: argparse.Namespace) -> Measured:
    """Start, ask, stop."""
    with serve_command(code, store, state, "--workers", args.workers) as server:
        drive(lambda: server.asking(body), args.clients, _WARM_UP)
        load = drive(lambda: server.asking(body), args.clients, args.seconds)
        memory = statistics.median(server.workers_mb())
    return Measured(server.seconds, load.per_second, load.percentile(95), len(load.failures), memory)


def middle(found: Sequence[Measured], field: str) -> float:
    """The median of a field."""
    return statistics.median(getattr(each, field) for each in found)


def compare(before: Sequence[Measured], now: Sequence[Measured]) -> dict[str, float]:
    """This tree's medians as shares of the other's: more is better for speed, less for the others."""
    return {
        "speed_ratio": middle(now, "per_second") / middle(before, "per_second"),
        "start_ratio": middle(now, "start_seconds") / middle(before, "start_seconds"),
        "memory_ratio": middle(now, "worker_mb") / middle(before, "worker_mb"),
    }


if __name__ == "__main__":
    main()
