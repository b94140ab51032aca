"""The shipped model served, under load, beside the same chain served in other ways, in one run.

    python -m benchmarks.serving_benchmark [--run archive/pretrained] [--clients 1 4 16 64] [--seconds 20]
        [--out build/bench/serving]

Needs onnx, onnxruntime, fastapi and uvicorn (pip install -e '.[bench]'). Every request is a 512 x 512 JPEG of a
generated X-ray, as raw body, over connections that stay open. Measured:

    in process     no server: as many processes, with as many threads, as `coronet serve` has prediction workers;
                   each decodes, classifies and encodes in a loop; and one process with all cores
    coronet serve  TorchServe as the kit sets it up: start-up of the command, every number of clients, memory of each
                   worker, predictions of one and of four clients with and without a flood of explanations at both
                   addresses
    FastAPI        benchmarks/fastapi_service.py
    null handler   TorchServe with the same number of workers that do nothing
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import queue
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests

from benchmarks.engines_benchmark import onnx_bytes
from benchmarks.errors import errors_in_one_line
from benchmarks.other_servers import asking, fastapi_service, null_torchserve
from benchmarks.serve_command import Code, memory_mb, serve_command
from benchmarks.serving_plot import draw
from benchmarks.shipped import jpeg, pack
from benchmarks.train_benchmark import processor
from cli.commands.bench import HEADING, row
from client.load import Ask, drive
from launcher.server import Server, torchserve
from launcher.torchserve_config import free_ports
from launcher.worker_pools import choose_pools
from model_src.cores import available_cores
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from model_src.networks.coronet import CoroNet
from train.runs.run_folder import RunFolder, load_model

_ROOT = Path(__file__).parents[1]
_FLOOD_CLIENTS = 2  # at each of the two addresses
_FLOODED_CLIENTS = (1, 4)  # who predict meanwhile


@errors_in_one_line()
def main() -> None:
    """Measure everything, print tables, write result.json and serving.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("archive/pretrained"))
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, default=Path("build/bench/serving"))
    args = parser.parse_args()
    if args.seconds < 4:
        parser.error("--seconds: need at least 4, since explanations get 2 of them to fill their workers")
    args.out.mkdir(parents=True, exist_ok=True)
    body = jpeg()
    with tempfile.TemporaryDirectory(prefix="serving-", dir="/tmp") as temporary:
        folder = Path(temporary)
        artefacts, store = pack(args.run, folder)
        result: dict[str, Any] = {
            "device": processor(),
            "cores": available_cores(),
            "versions": {name: version(name) for name in ("torchserve", "torch", "openvino", "onnxruntime", "fastapi")}
            | {"python": platform.python_version()},
            "seconds": args.seconds,
        }
        workers = choose_pools(available_cores(), 0)[0].workers
        result["in_process"] = {
            f"{count} x {available_cores() // count}": in_process(artefacts, body, count, args.seconds)
            for count in sorted({workers, 1})
        }
        result["coronet"] = served(store, folder / "state", body, args)
        chain = folder / "chain.onnx"
        coronet = load_model(RunFolder(args.run))
        if not isinstance(coronet, CoroNet):
            parser.error(f"{args.run} is a baseline, need a run of CoroNet")
        size = json.loads((artefacts / "artefacts.json").read_text())["image_size"]
        chain.write_bytes(onnx_bytes(coronet, size))
        with fastapi_service(chain, size, folder) as url:
            result["fastapi"] = levels("FastAPI and ONNX Runtime", lambda: asking(url, body), args)
        with null_torchserve(workers, folder) as url:
            result["null"] = levels("TorchServe with an empty handler", lambda: asking(url, body), args)
    result["ratios"] = ratios(result, workers)
    print("\n" + json.dumps({"ratios": result["ratios"], "versions": result["versions"]}, indent=2))
    (args.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(result, args.out / "serving.png")


def in_process(artefacts: Path, body: bytes, processes: int, seconds: float) -> float:
    """Images per second of so many processes that share the cores, without any server."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    ready = context.Barrier(processes)
    answered = context.Queue()
    threads = max(1, available_cores() // processes)
    arguments = (artefacts, body, threads, seconds, ready, answered)
    family = [context.Process(target=_classify_in_a_loop, args=arguments) for _ in range(processes)]
    for process in family:
        process.start()
    rate = 0.0
    for _ in family:
        while True:
            try:
                rate += answered.get(timeout=1)
                break
            except queue.Empty:
                if any(process.exitcode for process in family):
                    for process in family:
                        process.terminate()  # the others would wait at the barrier for ever
                    raise RuntimeError("a process that classifies in a loop has died; its traceback is above") from None
    for process in family:
        process.join()
    print(f"in process, {processes} x {threads} threads: {rate:.2f} images/s", flush=True)
    return rate


def _classify_in_a_loop(artefacts: Path, body: bytes, threads: int, seconds: float, ready: Any, answered: Any) -> None:
    from handlers.limits import Limits
    from handlers.process import configure_process
    from handlers.service import Request, respond
    from inference.predictor import Predictor

    configure_process(threads)
    predictor, limits = Predictor(artefacts), Limits()
    ready.wait()
    begun, images = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        respond(predictor, limits, [Request({"body": body}, explain=False)])
        images += 1
    answered.put(images / (time.perf_counter() - begun))


def served(store: Path, state: Path, body: bytes, args: argparse.Namespace) -> dict[str, Any]:
    """`coronet serve`: everything about it."""
    result: dict[str, Any] = {"start_seconds": start_seconds(store, state)}
    print(f"coronet serve: {result['start_seconds']:.1f} s from the command to the first answers", flush=True)
    port, management_port, metrics_port = free_ports(3)
    with torchserve(
        store,
        _ROOT / "config.properties",
        port=port,
        management_port=management_port,
        metrics_port=metrics_port,
        state=state,
    ) as server:
        connect = partial(predicting, server, body)
        result |= levels("coronet serve", connect, args)
        result["memory_mb"] = {
            pool.model: [memory_mb(worker["pid"]) for worker in server.describe(pool.model)["workers"]]
            for pool in choose_pools(available_cores(), 0)
        }
        print(f"unshared memory of each worker, MB: {result['memory_mb']}", flush=True)
        result["flood"] = [flood(server, body, connect, clients, args.seconds) for clients in _FLOODED_CLIENTS]
    return result


def start_seconds(store: Path, state: Path) -> float:
    """From the command in a process of its own, Python's start included, until each worker pool has answered."""
    with serve_command(Code(Path(sys.executable), _ROOT), store, state) as started:
        return started.seconds


def predicting(server: Server, body: bytes) -> Ask:
    """One client's way to ask for predictions."""
    client = server.client()
    return lambda: client.predict(body, "xray.jpg")


def levels(name: str, connect: Callable[[], Ask], args: argparse.Namespace) -> dict[str, Any]:
    """A table over numbers of clients, after some requests that do not count."""
    drive(connect, 2, 2.0)
    print(f"\n{name}\n\n{HEADING}", flush=True)
    loads = []
    for clients in args.clients:
        load = drive(connect, clients, args.seconds)
        print(row(load), flush=True)
        loads.append(load.as_json())
    return {"loads": loads}


def flood(server: Server, body: bytes, connect: Callable[[], Ask], clients: int, seconds: float) -> dict[str, Any]:
    """The clients' predictions, idle and while others ask for explanations without a pause.

    Half of the others ask at /explanations/coronet-explain, half at /explanations/coronet and follow its 307.
    """
    idle = drive(connect, clients, seconds)
    connects = [partial(explaining, server, body, model) for model in (PREDICT_MODEL, EXPLAIN_MODEL)]
    with ThreadPoolExecutor(len(connects)) as crowds:
        running = [crowds.submit(drive, asking, _FLOOD_CLIENTS, 2 * seconds) for asking in connects]
        time.sleep(2)
        busy = drive(connect, clients, 2 * seconds - 4)
        loads = [crowd.result() for crowd in running]
    answered, failed = sum(len(load.waits) for load in loads), sum(len(load.failures) for load in loads)
    others = _FLOOD_CLIENTS * len(connects)
    print(f"\n{clients} clients that predict, idle and beside {others} that ask for explanations\n\n{HEADING}")
    print(f"{row(idle)}\n{row(busy)}")
    print(f"explanations: {answered} answered, {failed} failed", flush=True)
    return {
        "clients": clients,
        "idle": idle.as_json(),
        "busy": busy.as_json(),
        "explanations": {"answered": answered, "failed": failed},
    }


def explaining(server: Server, body: bytes, model: str) -> Ask:
    """One client's way to ask for explanations by bare HTTP, redirects followed."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token.read()}"
    url = f"{server.url}/explanations/{model}"
    return lambda: session.post(url, files={"data": body}, timeout=1800).raise_for_status()


def ratios(result: dict[str, Any], workers: int) -> dict[str, float]:
    """What the targets are about."""

    def rate(name: str, clients: int = 4) -> float:
        return float(next(load["per_second"] for load in result[name]["loads"] if load["clients"] == clients))

    alone = result["in_process"][f"{workers} x {result['cores'] // workers}"]
    found = {
        f"p95 under explanations / idle, {each['clients']} clients": each["busy"]["p95"] / each["idle"]["p95"]
        for each in result["coronet"]["flood"]
    }
    if any(load["clients"] == 4 for load in result["coronet"]["loads"]):
        found["served / in process, 4 clients"] = rate("coronet") / alone
        found["served / FastAPI, 4 clients"] = rate("coronet") / rate("fastapi")
    return found


if __name__ == "__main__":
    main()
