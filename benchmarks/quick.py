"""Is this tree slower than a commit? In under three minutes, on one machine, in one run.

    make bench-quick [COMMIT=HEAD~10]
    python -m benchmarks.quick COMMIT [--rounds 3] [--out build/bench/quick.json]

COMMIT is anything git can name; it is checked out into a temporary folder. Both trees export and load the model that
COMMIT ships, each with its own code, in processes that take turns: importing a worker's code, loading the model,
classifying a film, explaining it in few steps. A first round fills caches and does not count. Times are of the
processor, which other work on the machine disturbs less; medians over rounds are compared. What is slower than 0.95 is
named, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.compare_versions import checked_out
from benchmarks.errors import errors_in_one_line
from benchmarks.shipped import jpeg

_ROOT = Path(__file__).parents[1]
SLOWER = 0.95
LONGEST = 130.0  # seconds: no round is begun after it

# Run in a process of each tree; uses what a predictor has had since the first release.
PROBE = """
import json, resource, sys, time
begun = time.process_time()
import handlers.coronet_handler
from inference.predictor import Predictor
said = {"import": time.process_time() - begun}
import torch
torch.set_num_threads(1)
begun = time.process_time()
predictor = Predictor(sys.argv[1])
said["load"] = time.process_time() - begun
xray = predictor.read(open(sys.argv[2], "rb").read())
def shortest(run, times):
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        run()
        seconds.append(time.process_time() - begun)
    return min(seconds)
said["predict"] = shortest(lambda: predictor.predict([xray]), 8)
options = predictor.options({"steps": "8", "score_steps": "4"}, 600)
said["explain"] = shortest(lambda: predictor.explain([xray], options), 1)
said["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(said))
"""


@errors_in_one_line()
def main() -> int:
    """Compare, print a table; 1 when this tree is slower somewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", metavar="COMMIT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="coronet-quick-") as folder,
        checked_out(args.commit, Path(folder) / "commit") as before,
    ):
        trees = {args.commit: before, "this tree": _ROOT}
        places = {name: Path(folder) / f"artefacts-{number}" for number, name in enumerate(trees)}
        film = Path(folder) / "film.jpg"
        film.write_bytes(jpeg())
        for name, tree in trees.items():
            export = ["-m", "cli", "export", before / "archive/pretrained", "--out", places[name]]
            run_in(tree, Path(folder), *export)
        rounds: list[dict[str, dict[str, float]]] = []
        while len(rounds) <= args.rounds and (len(rounds) < 2 or time.monotonic() - begun < LONGEST):
            rounds.append(
                {
                    name: json.loads(run_in(tree, Path(folder), "-c", PROBE, places[name], film).splitlines()[-1])
                    for name, tree in trees.items()
                }
            )
    rows = compared(rounds[1:], args.commit)
    print(f"| CPU seconds; MB | {args.commit} | this tree | times as fast |\n| --- | ---: | ---: | ---: |")
    for row in rows:
        print(f"| {row['what']} | {row['before']:.3g} | {row['now']:.3g} | {row['ratio']:.2f} |")
    slower = [row["what"] for row in rows if row["ratio"] < SLOWER]
    print(f"{len(rounds) - 1} rounds, {time.monotonic() - begun:.0f} s; ", end="")
    print(f"slower than {SLOWER}: {', '.join(slower)}" if slower else f"nothing is slower than {SLOWER}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"commit": args.commit, "rounds": rounds, "rows": rows}, indent=2) + "\n")
    return 1 if slower else 0


def compared(rounds: list[dict[str, dict[str, float]]], commit: str) -> list[dict[str, Any]]:
    """One row for each thing measured: medians of both trees, and the commit's by this tree's."""
    rows: list[dict[str, Any]] = []
    for what in rounds[0]["this tree"]:
        before, now = (statistics.median(each[name][what] for each in rounds) for name in (commit, "this tree"))
        rows.append({"what": what, "before": before, "now": now, "ratio": before / now})
    return rows


def run_in(tree: Path, folder: Path, *words: object) -> str:
    """What Python prints, run in `tree` with its own code and a cache of its own. Raises SystemExit with its error."""
    cache = folder / f"cache-{tree.name}"
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{tree}: {(done.stderr.strip().splitlines() or ['failed'])[-1][:300]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
