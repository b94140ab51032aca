"""TorchServe and Ray Serve beside each other: the shipped model, the same workers and threads, in one run.

    python -m benchmarks.fronts_benchmark [--run archive/pretrained | --model-store DIR] [--rounds 5] [--seconds 6]
        [--out build/bench/fronts]

Needs both extras, [serve] and [ray]. Both servers run the whole time, with the numbers of workers that `coronet serve`
chooses; what the idle one costs is measured too. Each round asks first the one and then the other, in an order that
changes from round to round, so that whatever else the machine does meets both. Every request is a 512 x 512 JPEG of a
generated X-ray. Medians over rounds; a ratio is the median of the rounds' ratios.

    1 client, 4 clients    predictions without a pause
    flooded                4 clients that predict, beside 2 that ask for explanations without a pause

On a machine that does other things too, images per second say little. The processor's seconds per image, of all
processes of a server together, say more (with a flood, its explanations are in them).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.errors import errors_in_one_line
from benchmarks.serve_command import memory_mb
from benchmarks.serving_benchmark import predicting
from benchmarks.shipped import jpeg, pack
from benchmarks.train_benchmark import processor
from client.load import drive
from launcher.process_group import members
from launcher.ray_front import ray_front
from launcher.server import Server, torchserve
from launcher.torchserve_config import free_ports
from model_src.cores import available_cores
from model_src.time_limits import EXPLAIN_PATIENCE

_ROOT = Path(__file__).parents[1]
_FRONTS = ("torchserve", "ray")
_FLOOD_CLIENTS = 2
_STEPS = 30  # of each of their explanations: some seconds, so that a round need not wait for the last ones
_SITUATIONS = ("1 client", "4 clients", "flooded")
_FIGURES = ("per_second", "p50", "p95", "cpu_seconds")


@errors_in_one_line()
def main() -> None:
    """Measure both, print a table, write result.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--model-store", type=Path, help="an archive that was packed before, instead of --run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--situations", nargs="+", choices=_SITUATIONS, default=_SITUATIONS)
    parser.add_argument("--out", type=Path, default=Path("build/bench/fronts"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fronts-", dir="/tmp") as temporary, ExitStack() as stack:
        store = args.model_store or pack(args.run, Path(temporary))[1]
        servers, starts = {}, {}
        for name in _FRONTS:
            begun = time.perf_counter()
            servers[name] = stack.enter_context(_started(name, store, Path(temporary) / name))
            starts[name] = time.perf_counter() - begun
        idle = {name: _idle_cores(server) for name, server in servers.items()}
        memory = {name: _memory_mb(server) for name, server in servers.items()}
        rounds = [_round(servers, number, args.seconds, args.situations) for number in range(args.rounds)]
    result = {
        "device": processor(),
        "cores": available_cores(),
        "versions": {name: version(name) for name in ("torchserve", "ray", "torch", "openvino")},
        "start_seconds": starts,
        "idle_cores": idle,
        "unshared_mb": memory,
        "medians": _medians(rounds),
        "ray / torchserve": _ratios(rounds),
        "rounds": rounds,
    }
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(_table(result))


@contextmanager
def _started(name: str, store: Path, state: Path) -> Iterator[Server]:
    port, management_port, metrics_port = free_ports(3)
    if name == "ray":
        with ray_front(store, port=port, metrics_port=metrics_port, state=state) as server:
            yield server
        return
    config = _ROOT / "config.properties"
    with torchserve(
        store, config, port=port, management_port=management_port, metrics_port=metrics_port, state=state
    ) as server:
        yield server


def _round(
    servers: Mapping[str, Server], number: int, seconds: float, situations: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Situation -> front -> figures."""
    body = jpeg()
    found: dict[str, dict[str, Any]] = {}
    order = list(servers.items())[:: 1 if number % 2 == 0 else -1]
    for situation in situations:
        for name, server in order:
            connect = partial(predicting, server, body)
            drive(connect, 2, 0.5)  # connections, and whatever slept
            before = _cpu_seconds(server)
            if situation == "flooded":
                with _flood(server, body):
                    load = drive(connect, 4, seconds)
            else:
                load = drive(connect, int(situation[0]), seconds)
            figures = load.as_json() | {"cpu_seconds": (_cpu_seconds(server) - before) / max(1, len(load.waits))}
            found.setdefault(situation, {})[name] = {key: figures[key] for key in (*_FIGURES, "failed")}
            print(f"round {number + 1}, {situation}, {name}: {load.per_second:.2f} images/s", flush=True)
    return found


@contextmanager
def _flood(server: Server, body: bytes) -> Iterator[None]:
    """Clients that ask for explanations inside the context; what they have asked last is answered before it ends."""
    stop = threading.Event()

    def ask() -> None:
        client = server.client(EXPLAIN_PATIENCE)
        while not stop.is_set():
            client.explain(body, steps=_STEPS, score_steps=4)

    crowd = [threading.Thread(target=ask, daemon=True) for _ in range(_FLOOD_CLIENTS)]
    for each in crowd:
        each.start()
    time.sleep(1)
    try:
        yield
    finally:
        stop.set()
        for each in crowd:
            each.join()


def _idle_cores(server: Server, seconds: float = 5.0) -> float:
    """Cores that a server uses which nobody asks."""
    before = _cpu_seconds(server)
    time.sleep(seconds)
    return (_cpu_seconds(server) - before) / seconds


def _cpu_seconds(server: Server) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in members(server.process.pid))


def _memory_mb(server: Server) -> float:
    """Memory that its processes have, each alone, in MB."""
    return sum(memory_mb(pid) for pid in members(server.process.pid))


def _medians(rounds: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        situation: {
            name: {key: statistics.median(each[situation][name][key] for each in rounds) for key in _FIGURES}
            for name in _FRONTS
        }
        for situation in rounds[0]
    }


def _ratios(rounds: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, float]]:
    return {
        situation: {
            key: statistics.median(each[situation]["ray"][key] / each[situation]["torchserve"][key] for each in rounds)
            for key in _FIGURES
        }
        for situation in rounds[0]
    }


def _table(result: Mapping[str, Any]) -> str:
    lines = ["", "| | front | images/s | p50 | p95 | CPU per image |", "| --- " * 6 + "|"]
    for situation, found in result["medians"].items():
        for name, figures in found.items():
            seconds = " | ".join(f"{figures[key] * 1000:.0f} ms" for key in ("p50", "p95", "cpu_seconds"))
            lines.append(f"| {situation} | {name} | {figures['per_second']:.2f} | {seconds} |")
        ratios = " | ".join(f"{result['ray / torchserve'][situation][key]:.3f}" for key in _FIGURES)
        lines.append(f"| {situation} | ray / torchserve | {ratios} |")
    others = {key: result[key] for key in ("start_seconds", "idle_cores", "unshared_mb")}
    return "\n".join([*lines, "", json.dumps(others, indent=2)])


if __name__ == "__main__":
    main()
