"""Workers as tasks of a Ray cluster that is there already: its machines have this kit, and the run's folder."""

from __future__ import annotations

import logging
import socket
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from model_src.errors import RunError, ServerError
from scoring.backend import Report, WorkerOrder
from scoring.part import PartCounts
from scoring.run_folder import RunFolder
from scoring.suspects import Suspects
from scoring.tasks import PartDone, Task, announcement

_TICK = 0.5  # seconds
_KNOCK = 10.0
_WAITING = 2  # tasks beyond those that run, so that no core waits for the next
_DEATHS = 8  # of one shard's tasks, before the run stops


class RayCluster:
    """As many tasks at a time as the cluster has cores for, also while machines come and go.

    Args:
        address: "auto", HOST:PORT, or ray://HOST:PORT.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def run(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        """As `Backend.run`."""
        self._knock()
        try:
            ray.init(address=self._address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RayError, RuntimeError, ValueError) as error:
            raise self._no_cluster(str(error).splitlines()[0]) from None
        try:
            _Tasks(order, shards, report).run()
        finally:
            ray.shutdown()

    def _knock(self) -> None:
        """Whether anybody listens there: Ray itself would try for minutes."""
        host, colon, port = self._address.removeprefix("ray://").rpartition(":")
        if self._address == "auto":
            return
        if not colon or not port.isdecimal():
            raise self._no_cluster("need auto, HOST:PORT or ray://HOST:PORT")
        try:
            socket.create_connection((host, int(port)), _KNOCK).close()
        except (OSError, OverflowError) as error:
            raise self._no_cluster(str(error)) from None

    def _no_cluster(self, why: str) -> ServerError:
        return ServerError(
            f"--ray {self._address}: no cluster answers ({why}); start one with: ray start --head, "
            "and set RAY_AUTH_MODE=token here too if it has a token"
        )


class _Tasks:
    def __init__(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        self._order = order
        self._folder = RunFolder(order.folder)
        self._record = self._folder.begun()
        self._threads = self._record.settings.threads
        self._pending = deque(shards)
        self._report = report
        self._suspects = Suspects()
        self._deaths: Counter[int] = Counter()
        self._running: dict[Any, Task] = {}
        # By value: on other machines this module can be imported only after coronet_serve.
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        gpus = 1 if self._record.settings.device == "cuda" else 0
        self._remote = ray.remote(_run).options(num_cpus=self._threads, num_gpus=gpus, max_retries=0)

    def run(self) -> None:
        while self._pending or self._running:
            while self._pending and len(self._running) < self._room():
                task = self._suspects.task(self._pending.popleft())
                self._running[self._remote.remote(_plain(self._order), asdict(task))] = task
            finished, _ = ray.wait(list(self._running), num_returns=1, timeout=_TICK)
            for each in finished:
                self._finish(self._running.pop(each), each)
            self._report.tick()

    def _room(self) -> int:
        cores = ray.cluster_resources().get("CPU", 0)
        return max(1, int(cores // self._threads)) + _WAITING

    def _finish(self, task: Task, reference: Any) -> None:
        try:
            found = ray.get(reference)
        except RayTaskError as error:
            raise RunError(
                f"a task of Ray failed: {str(error.cause or error).splitlines()[-1]}; has every machine this kit?"
            ) from None
        except RayError as error:  # a process or a machine has gone
            self._died(task, error)
            return
        if isinstance(found, Exception):
            raise found
        self._report.part(PartDone(task.shard, PartCounts(*found)))

    def _died(self, task: Task, error: RayError) -> None:
        self._deaths[task.shard] += 1
        if self._deaths[task.shard] >= _DEATHS:
            raise RunError(f"tasks of Ray end without an answer ({type(error).__name__}): see the cluster's logs")
        place = announcement(self._order.folder, task.shard)
        row = int(place.read_text() or -1) if place.exists() else None
        self._suspects.died(task, row)
        self._report.again(task.shard)
        self._pending.appendleft(task.shard)


def _plain(order: WorkerOrder) -> dict[str, Any]:
    """What a process can be sent that cannot import our types yet."""
    return {name: None if value is None else str(value) for name, value in asdict(order.access).items()} | {
        "folder": str(order.folder),
        "accept_removed": order.accept_removed,
    }


def _run(order: dict[str, Any], task: dict[str, Any]) -> Any:
    """One task, in a process of the cluster."""
    from importlib import import_module
    from pathlib import Path

    import_module("coronet_serve")  # puts the rooms on the module path
    from scoring.backend import WorkerOrder
    from scoring.ray_task import score_shard
    from scoring.sources.pacs import PacsAccess
    from scoring.tasks import Task

    folder, accept_removed = Path(order.pop("folder")), order.pop("accept_removed")
    files = {name: Path(value) for name, value in order.items() if name != "user" and value is not None}
    access = PacsAccess(user=order["user"], **files)
    found = score_shard(WorkerOrder(folder, access, accept_removed), Task(**task))
    return found if isinstance(found, Exception) else (found.answered, found.errors)
