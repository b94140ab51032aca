"""Ray started on this machine for this server alone, workers deployed, HTTP answered.

Ray Serve's own HTTP proxy is left away: it reads a body before anybody can say that it is too large or that its key is
wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import ray
from ray import serve
from ray.serve.schema import ApplicationStatus

from fronts.bodies import Bodies
from fronts.door import Door, Keys
from fronts.keys import FixedKey, KeyRing, keep_fresh
from fronts.listening import serve as serve_http
from fronts.ray_serve.gateway import Gateway
from fronts.ray_serve.management import Management, gauges, metrics_page
from fronts.ray_serve.pool import Pool, WorkerStates
from fronts.ray_serve.routes import OPEN_PATHS
from fronts.ray_serve.settings import FrontSettings
from fronts.ray_serve.tally import Tally
from model_src.errors import ServerError

logger = logging.getLogger(__name__)

_IN_MEMORY = 2_000_000_000  # bytes of all bodies at a time: what TorchServe's queue of 64 holds at most
_BETWEEN_PROCESSES = 1_000_000_000  # bytes of what is on its way to workers and back
_GRACE = 3  # seconds for answers that are on their way; `coronet serve` has waited for the requests


def start_ray(settings: FrontSettings) -> None:
    """Start Ray, before anything handles signals: its own handlers would end the process at once."""
    ray.init(
        address="local",
        num_cpus=settings.cores,
        num_gpus=settings.gpus,
        include_dashboard=settings.dashboard,
        _temp_dir=f"{settings.temporary}/ray",
        object_store_memory=_BETWEEN_PROCESSES,
        log_to_driver=False,
        logging_level=logging.WARNING,
    )


async def serving(settings: FrontSettings, sockets: Sequence[socket.socket]) -> None:
    """Answer at the three sockets (inference, metrics, management) until SIGTERM.

    Raises:
        ServerError: the model cannot be loaded, or there is no key.
    """
    pools = {each.model: Pool(each, settings.queue) for each in settings.pools}
    version = json.loads(Path(settings.archive, "MAR-INF", "MANIFEST.json").read_text())["model"]["modelVersion"]
    states = WorkerStates()
    tally = Tally(socket.gethostname(), partial(gauges, pools, states))
    keys, management_keys = _keys(settings)
    bodies = Bodies(settings.largest_request, _IN_MEMORY)
    gateway = Gateway(pools, version, tally, bodies, settings.largest_request, Path(settings.temporary))
    management = Management(pools, version, states, gpu=settings.gpus > 0)
    apps = (
        Door(gateway, keys, settings.largest_request, OPEN_PATHS),
        metrics_page(tally),
        Door(management, management_keys, 0),
    )
    work = [
        asyncio.ensure_future(serve_http(list(zip(apps, sockets, strict=True)), _GRACE)),
        asyncio.ensure_future(_deploy_and_watch(settings, pools, states)),
    ]
    if isinstance(keys, KeyRing):
        work.append(asyncio.ensure_future(keep_fresh(keys)))
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in work:
            each.cancel()
        await asyncio.to_thread(ray.shutdown)


def _keys(settings: FrontSettings) -> tuple[Keys, Keys]:
    """What opens the inference address, and the management address."""
    if settings.key_overlap is not None:
        ring = KeyRing(Path(settings.keys), settings.key_overlap)
        return ring, ring
    made = json.loads(Path(settings.keys).read_text())
    return FixedKey(made["inference"]["key"]), FixedKey(made["management"]["key"])


async def _deploy_and_watch(settings: FrontSettings, pools: dict[str, Pool], states: WorkerStates) -> None:
    """Start the workers, then ask for their states every few seconds; never returns."""
    await asyncio.to_thread(_deploy, settings, pools)
    while True:
        with suppress(ray.exceptions.RayError):  # Ray restarts what knows it
            for model in pools:
                await states.of(model)
        await asyncio.sleep(5)


def _deploy(settings: FrontSettings, pools: dict[str, Pool]) -> None:
    serve.start(proxy_location="Disabled")
    targets = [pool.target(settings) for pool in pools.values()]
    handles = serve.run_many(targets, wait_for_applications_running=False)
    waiting = dict(zip(pools.values(), handles, strict=True))
    while waiting:
        applications = serve.status().applications
        for pool in list(waiting):
            status = applications[pool.settings.model].status
            if status == ApplicationStatus.RUNNING:
                pool.started(waiting.pop(pool))
            elif status in (ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY):
                raise ServerError(_why())
        time.sleep(0.2)


def _why() -> str:
    """Why workers do not start: the last line of a traceback in what Ray Serve says of them."""
    told = [
        line.strip()
        for application in serve.status().applications.values()
        for deployment in application.deployments.values()
        for line in deployment.message.splitlines()
        if re.match(r"\s*[\w.]*(Error|Exception)\b", line)
    ]
    return told[-1] if told else "its workers do not start"
