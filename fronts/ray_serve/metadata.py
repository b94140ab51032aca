"""What is answered without a worker: health, and the Open Inference Protocol's descriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fronts.answers import Answer, refusal
from fronts.ray_serve.pool import Pool
from fronts.ray_serve.routes import Route
from fronts.worker import oip


def answer(route: Route, pools: Mapping[str, Pool], version: str) -> Answer:
    """The answer to a GET.

    Raises:
        Answer: not ready (503).
    """
    loaded = pools[route.model].ready if route.model else all(pool.ready for pool in pools.values())
    if route.kind == "live":
        return _json({"live": True})
    if route.kind in ("ready", "ping", "model-ready") and not loaded:
        raise refusal(503, "ServiceUnavailableException", "the model is being loaded: ask again in a while")
    if route.kind == "ping":
        return _json({"status": "Healthy"})
    if route.kind == "ready":
        return _json({"ready": True})
    if route.kind == "model-ready":
        return _json({"name": route.model, "ready": True})
    if route.kind == "server":
        return _json({"name": "coronet-serve", "version": version, "extensions": [oip.EXTENSION]})
    return _json(
        {
            "name": route.model,
            "versions": [version],
            "platform": "pytorch_torchscript",
            "inputs": oip.INPUTS,
            "outputs": oip.OUTPUTS,
        }
    )


def _json(fields: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(fields).encode())
