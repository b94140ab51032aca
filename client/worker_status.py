"""Which workers of a server are there, by TorchServe's own account: the difference between busy and dead."""

from __future__ import annotations

from typing import Any

import requests

from client.keys import BearerToken, key_refused, renew
from client.management import ask_management
from client.tokens import TokenSource, read_key
from model_src.errors import ServerError
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL

_TIMEOUT = 10.0  # seconds


def describe(token: TokenSource, model: str, **parameters: str) -> dict[str, Any]:
    """TorchServe's description of a model; {} when there is none yet, or no management to ask.

    Args:
        token: of a server on this machine; others do not let their management be asked.
        model: the name under which the archive is registered.
        parameters: customized="true" adds the model's own description.
    """
    if token.management_url is None:
        return {}
    try:
        response = _ask(token, model, parameters)
        if key_refused(response) and renew(token, "management"):  # a server may run for longer than its keys live
            response = _ask(token, model, parameters)
        return response.json()[0] if response.ok else {}
    except (requests.RequestException, ServerError):
        return {}


def _ask(token: TokenSource, model: str, parameters: dict[str, str]) -> requests.Response:
    key = BearerToken(read_key(token.file, "management")) if token.file else None
    return ask_management(str(token.management_url), "GET", f"/models/{model}", key, parameters, _TIMEOUT)


def all_pools_work(token: TokenSource) -> bool:
    """Whether each worker pool of the server has a worker with the model loaded; False when nobody can be asked."""
    pools = [describe(token, model) for model in (PREDICT_MODEL, EXPLAIN_MODEL)]
    registered = [pool for pool in pools if pool]
    return bool(pools[0]) and all(any(w["status"] == "READY" for w in pool.get("workers", ())) for pool in registered)
