"""What TorchServe answers at its management and metrics addresses, as far as our client and Prometheus ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs

from client.prometheus_text import CONTENT_TYPE
from fronts.answers import Answer, App, Receive, Scope, Send, send_answer, unknown_model, unknown_path, wrong_method
from fronts.ray_serve.pool import Pool, WorkerState, WorkerStates
from fronts.ray_serve.tally import Gauge, Tally

_MODEL = re.compile(r"/models/([^/]+)")


class Management:
    """GET /models, GET /models/MODEL[?customized=true]. Nothing can be changed."""

    def __init__(self, pools: Mapping[str, Pool], version: str, states: WorkerStates, *, gpu: bool) -> None:
        """Args: the pools by model; the archive's version; who knows the workers; whether these have GPUs."""
        self._pools = pools
        self._gpu = gpu
        self._version = version
        self._states = states

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            try:
                answer = await self._answer(scope)
            except Answer as refused:
                answer = refused
            await send_answer(send, answer, without_body=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope) -> Answer:
        found = _MODEL.fullmatch(scope["path"])
        if scope["path"] != "/models" and found is None:
            raise unknown_path()
        if scope["method"] not in ("GET", "HEAD"):
            raise wrong_method()
        if found is None:
            models = [{"modelName": name, "modelUrl": "coronet.mar"} for name in self._pools]
            return Answer(200, json.dumps({"models": models}).encode())
        if found[1] not in self._pools:
            raise unknown_model(found[1])
        customized = parse_qs(scope["query_string"].decode("latin-1")).get("customized") == ["true"]
        return Answer(200, json.dumps([await self._described(found[1], customized)]).encode())

    async def _described(self, name: str, customized: bool) -> dict[str, Any]:
        pool = self._pools[name]
        described: dict[str, Any] = {
            "modelName": name,
            "modelVersion": self._version,
            "modelUrl": "coronet.mar",
            "runtime": "ray",
            "minWorkers": pool.settings.workers,
            "maxWorkers": pool.settings.most_workers,
            "batchSize": pool.settings.batch,
            "maxBatchDelay": round(pool.settings.delay * 1000),
            "responseTimeout": round(pool.settings.silence),
            "workers": [
                self._worker(number, each, loaded=each.ready and pool.ready)
                for number, each in enumerate(await self._states.of(name))
            ],
            "jobQueueStatus": {"pendingRequests": pool.in_hand},
        }
        if customized and (own := await pool.describe()):
            described["customizedMetadata"] = json.loads(own)
        return described

    def _worker(self, number: int, state: WorkerState, *, loaded: bool) -> dict[str, Any]:
        return {
            "id": str(number),
            "startTime": datetime.fromtimestamp(state.started, timezone.utc).isoformat(),
            "status": "READY" if loaded else "UNLOADING",
            "pid": state.pid,
            "gpu": self._gpu,
        }


def metrics_page(tally: Tally) -> App:
    """GET /metrics, for anybody who reaches the port, as TorchServe has it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            known = scope["path"] == "/metrics" and scope["method"] in ("GET", "HEAD")
            answer = Answer(200, tally.page().encode(), CONTENT_TYPE) if known else unknown_path()
            await send_answer(send, answer, without_body=scope["method"] == "HEAD")

    return app


def gauges(pools: Mapping[str, Pool], states: WorkerStates) -> Iterable[Gauge]:
    """What is so now: requests in hand and workers of each model. Autoscalers ask for the first."""
    for name, pool in pools.items():
        yield "CoroNetRequestsInHand", {"ModelName": name}, pool.in_hand
    for name in pools:
        yield "CoroNetWorkers", {"ModelName": name}, sum(each.ready for each in states.known(name))
