"""The workers of one model, as Ray Serve runs them: started, asked, counted."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from ray import serve
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import RayServeException
from ray.serve.schema import LoggingConfig

from fronts.answers import queue_full, refusal, worker_died
from fronts.ray_serve.settings import FrontSettings, PoolSettings
from fronts.worker.replica import Call, Replica, Reply

_HEALTH_PERIOD = 5.0  # seconds between Ray Serve's questions whether a worker is well
_HEALTH_TIMEOUT = 30.0  # seconds: a worker that is stopped answers none of them
_LOAD_TRIES = 2


@dataclass(frozen=True)
class WorkerState:
    """One worker, as Ray Serve sees it."""

    pid: int | None
    ready: bool
    started: float


class Pool:
    """One deployment, and how many requests it has in hand."""

    def __init__(self, settings: PoolSettings, queue: int) -> None:
        """Args: the deployment's; how many requests may wait for it."""
        self.settings = settings
        self.in_hand = 0
        self._most = queue + settings.most_workers * settings.batch
        self._handle: Any = None

    def target(self, front: FrontSettings) -> serve.RunTarget:
        """The deployment, for `serve.run_many`."""
        pool = self.settings
        environment = {
            "OMP_NUM_THREADS": str(pool.threads),  # Ray sets it to 1
            "TMPDIR": front.temporary,
        }
        gpu = 0.0
        if front.gpus:  # all workers share them
            gpu = int(100 * front.gpus / sum(each.most_workers for each in front.pools)) / 100
        deployment = serve.deployment(
            name="worker",
            max_ongoing_requests=pool.batch,  # none waits behind a long one while another worker is free
            max_queued_requests=-1,  # counted here
            autoscaling_config={
                "min_replicas": pool.workers,
                "max_replicas": pool.most_workers,
                "target_ongoing_requests": float(pool.batch),
                "upscale_delay_s": 5.0,
                "downscale_delay_s": 300.0,
            },
            ray_actor_options={"num_cpus": 0, "num_gpus": min(1.0, gpu)},  # explanations use what predictions leave
            health_check_period_s=_HEALTH_PERIOD,
            health_check_timeout_s=_HEALTH_TIMEOUT,
            graceful_shutdown_timeout_s=pool.silence,  # a worker that is not needed any more ends what it has begun
            max_constructor_retry_count=_LOAD_TRIES,
            logging_config=LoggingConfig(enable_access_log=False, log_level="WARNING"),
        )(Replica)
        arguments = (front.archive, pool.model, environment, f"{front.logs}/model_log.log")
        return serve.RunTarget(
            deployment.bind(*arguments, pool.batch, pool.delay, pool.silence), name=pool.model, route_prefix=None
        )

    def started(self, handle: Any) -> None:
        """From now on it can be asked."""
        self._handle = handle

    @property
    def ready(self) -> bool:
        """Whether its workers have loaded the model."""
        return self._handle is not None

    def admit(self) -> None:
        """Refuse a request for which there would be no room.

        Raises:
            Answer: 503.
        """
        if self._handle is None:
            raise refusal(503, "ServiceUnavailableException", "the model is being loaded: ask again in a while")
        if self.in_hand >= self._most:
            raise queue_full(self.settings.model)

    async def ask(self, call: Call) -> tuple[Reply, float]:
        """A worker's reply, and the seconds that the request waited for one.

        Raises:
            Answer: there is no room (503), or the worker ended (500).
            asyncio.CancelledError: the caller of this has; a request that no worker has begun is forgotten.
        """
        self.admit()
        begun = time.perf_counter()
        self.in_hand += 1
        response = self._handle.remote(call)
        try:
            reply = await response
        except asyncio.CancelledError:
            response.cancel()
            raise
        except RayActorError:
            raise worker_died() from None
        except (RayError, RayServeException):
            raise refusal(503, "ServiceUnavailableException", "No worker took the request: ask again.") from None
        finally:
            self.in_hand -= 1
        return reply, max(0.0, time.perf_counter() - begun - reply.seconds)

    async def describe(self) -> bytes | None:
        """The model's own description as JSON; None where no worker has the time."""
        if self._handle is None:
            return None
        try:
            return bytes(await asyncio.wait_for(self._handle.describe.remote(), 5.0))
        except (asyncio.TimeoutError, RayError, RayServeException):
            return None


class WorkerStates:
    """The workers of all pools, asked of Ray Serve's controller at most twice a second."""

    def __init__(self) -> None:
        self._found: dict[str, list[WorkerState]] = {}
        self._asked = 0.0
        self._lock = asyncio.Lock()

    async def of(self, model: str) -> list[WorkerState]:
        """Those of one model."""
        async with self._lock:
            if time.monotonic() - self._asked > 0.5:
                self._found = await asyncio.to_thread(_worker_states)
                self._asked = time.monotonic()
        return self._found.get(model, [])

    def known(self, model: str) -> list[WorkerState]:
        """Those that were there when somebody last asked."""
        return self._found.get(model, [])


def _worker_states() -> dict[str, list[WorkerState]]:
    from ray.serve.context import _get_global_client  # the public API counts replicas and names no process

    client = _get_global_client(raise_if_no_controller_running=False)
    applications = client.get_serve_details()["applications"] if client else {}
    return {
        name: [
            WorkerState(each.get("pid"), each.get("state") == "RUNNING", each.get("start_time_s") or 0.0)
            for deployment in application["deployments"].values()
            for each in deployment["replicas"]
        ]
        for name, application in applications.items()
    }
