"""Waiting until a started TorchServe answers, saying meanwhile how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from launcher.worker_pools import WorkerPool
from model_src.errors import RequestError, ServerError
from model_src.time_limits import SERVER_START

if TYPE_CHECKING:
    from launcher.server import Server

Progress = Callable[[str], None]  # takes one line without an end


def wait_until_ready(server: Server, pools: Sequence[WorkerPool], progress: Progress) -> None:
    """Return when every worker has loaded the model and each worker pool has answered a small request.

    Raises:
        ServerError: it ended, could not load the model, or took too long; the message quotes the log.
    """
    begun = time.monotonic()
    wanted = sum(pool.workers for pool in pools)
    told = -1
    while True:
        if server.process.poll() is not None:
            raise ServerError(server.failure(f"{server.name} ended while starting"))
        if server.log.failed.is_set():
            raise ServerError(server.failure("the model could not be loaded"))
        if time.monotonic() - begun > SERVER_START:
            raise ServerError(server.failure(f"the model did not answer within {SERVER_START} s"))
        ready = sum(_ready_workers(server, pool) for pool in pools)
        if ready != told:
            progress(f"{ready} of {wanted} workers have loaded the model ({time.monotonic() - begun:.0f} s)")
            told = ready
        if ready == wanted:
            break
        time.sleep(0.5)
    progress("asking for a small prediction and a small explanation")
    try:
        server.client().check()
    except (RequestError, ServerError) as error:  # the latter when it has ended meanwhile
        raise ServerError(server.failure(f"the model loaded but does not answer ({error})")) from None


def _ready_workers(server: Server, pool: WorkerPool) -> int:
    """How many of a pool's workers are ready; none, as long as there are others than wanted."""
    workers = server.describe(pool.model).get("workers", [])
    ready = sum(worker["status"] == "READY" for worker in workers)
    return ready if len(workers) == pool.workers else min(ready, pool.workers - 1)
