"""The message that nobody waits for an explanation any more.

TorchServe tells no worker that a caller has gone, so callers that can say it do: an explanation may carry a name of
theirs in the header X-CoroNet-Request, and a prediction request {"abandon": "<name>"} ends it. That one is answered by
whichever worker is free; the one that explains, or is about to, sees it by a file (server_files.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from handlers.server_files import is_request_name
from model_src.model_names import ABANDON_FIELD


def abandoned_name(row: Mapping[str, object]) -> str | None:
    """The name of the request that this one, a row of TorchServe's, says nobody waits for; None: it is another kind."""
    body = row.get("body")
    if not isinstance(body, Mapping) or set(body) != {ABANDON_FIELD}:
        return None
    name = body[ABANDON_FIELD]
    return str(name) if is_request_name(name) else None
