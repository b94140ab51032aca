"""What a front answers by itself, before or instead of a worker: in TorchServe's words, which clients know."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = "application/json"


@dataclass(eq=False)  # not frozen: whoever lets an exception through notes it there
class Answer(Exception):
    """One HTTP response; raised, it ends a request."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False  # end the connection: the rest of the request was not read


def refusal(status: int, kind: str, message: str, *, close: bool = False) -> Answer:
    """`{"code", "type", "message"}` with its status, for an error that the front itself finds."""
    return Answer(status, json.dumps({"code": status, "type": kind, "message": message}).encode(), close=close)


def wrong_key() -> Answer:
    """For a missing, wrong or expired key. 400, not 401: that is TorchServe's answer, by which clients know it."""
    return refusal(
        400,
        "InvalidKeyException",
        "Token Authorization failed. Token either incorrect, expired, or not provided correctly",
    )


def too_large(limit: int) -> Answer:
    """For a body of more than `limit` bytes, of which the rest is not read."""
    return refusal(413, "RequestTooLarge", f"found more than {limit} bytes, need a smaller request", close=True)


def unknown_path() -> Answer:
    """For an address that means nothing here."""
    return refusal(404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document.")


def unknown_model(name: str) -> Answer:
    """For an address that names another model."""
    return refusal(404, "ModelNotFoundException", f"Model not found: {name}")


def wrong_method() -> Answer:
    """For an address that takes other methods."""
    return refusal(405, "MethodNotAllowedException", "Requested method is not allowed, please refer to API document.")


def queue_full(model: str) -> Answer:
    """For a request that would wait behind too many others."""
    return refusal(
        503,
        "ServiceUnavailableException",
        f"Model '{model}' has no worker to serve inference request: its queue is full. Ask again in a while.",
    )


def worker_died() -> Answer:
    """For a request that a worker had in hand when it ended."""
    return refusal(500, "InternalServerException", "Worker died.")


def in_protocol(answer: Answer, path: str) -> Answer:
    """An error as the protocol of its address has it: the Open Inference Protocol wants it in a field `error`."""
    if not path.startswith("/v2") or answer.status < 400 or answer.content_type != _JSON:
        return answer
    found = json.loads(answer.body)
    return replace(answer, body=json.dumps({"error": found["message"], **found}, ensure_ascii=False).encode("utf-8"))


def header(scope: Scope, name: str) -> str | None:
    """A request's header by its name in small letters; the last, of several."""
    found = [value for key, value in scope["headers"] if key == name.encode()]
    return found[-1].decode("latin-1") if found else None


async def send_answer(send: Send, answer: Answer, *, without_body: bool = False) -> None:
    """Put an answer on the wire; `without_body`: it answers HEAD."""
    headers = [("content-length", str(len(answer.body))), *answer.headers]
    if answer.content_type:
        headers.append(("content-type", answer.content_type))
    if answer.close:
        headers.append(("connection", "close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b"" if without_body else answer.body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
