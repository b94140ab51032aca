"""A worker of Ray Serve: the handler of an unpacked archive, in a process of its own, one batch at a time."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray import serve

from fronts.worker import oip, rows
from fronts.worker.context import BatchContext, LoadContext

logger = logging.getLogger(__name__)

HTTP, OIP = "http", "oip"  # how a request's body is to be read


@dataclass(frozen=True)
class Call:
    """One request, on its way to a worker."""

    body: bytes
    headers: Mapping[str, str]  # in small letters; those that say how the body was sent, and what is wanted
    explain: bool = False
    protocol: str = HTTP
    model: str = ""  # the name that it was asked under


@dataclass
class Reply:
    """What came of it. `body` None: the batch failed in a way that the handler has no answer for."""

    status: int
    body: bytes | None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    samples: Sequence[tuple[str, str, str, float, Mapping[str, str]]] = ()  # of its batch, with one of its replies
    seconds: float = 0.0  # that its batch took


@dataclass
class _Samples:
    """Takes a batch's metrics (handlers/metrics.py)."""

    taken: list[Any] = field(default_factory=list)

    def take(self, sample: Any) -> None:
        """One more."""
        self.taken.append(sample)


class Replica:
    """One worker. Ray Serve makes it in a process that it starts, and makes another when that ends or is unhealthy."""

    def __init__(
        self,
        directory: str,
        model: str,
        environment: Mapping[str, str],
        log: str,
        batch: int,
        delay: float,
        silence: float,
    ) -> None:
        """Load the archive.

        Args:
            directory: the unpacked archive.
            model: the name under which it is served.
            environment: variables of this process, set before anything that reads them is imported.
            log: the file that this process's log goes to.
            batch, delay: most requests of a batch; seconds that one that is not full waits for more.
            silence: seconds after which a batch that has not ended is taken for one that never will.
        """
        os.environ.update(environment)
        _log_to(log, model)
        sys.path.insert(0, directory)  # a model runs its own code
        self._silence = silence
        self._began: float | None = None
        # The model is used by one thread, which has loaded it: libraries keep numbers of threads for each thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._handler = self._thread.submit(_load, directory, model, batch).result()
        self._answer.set_max_batch_size(batch)  # type: ignore[attr-defined]
        self._answer.set_batch_wait_timeout_s(delay)  # type: ignore[attr-defined]

    async def __call__(self, call: Call) -> Reply:
        """The reply to one request, which may be worked off together with others."""
        return await self._answer(call)

    async def describe(self) -> bytes:
        """The model's own description, as JSON."""
        context = BatchContext([{"describe": "True"}])
        (body,) = await asyncio.get_running_loop().run_in_executor(self._thread, self._handler.handle, [{}], context)
        return bytes(body)

    def check_health(self) -> None:
        """Asked by Ray Serve every few seconds; raises where this worker is to be replaced."""
        if self._began is not None and time.monotonic() - self._began > self._silence:
            raise TimeoutError(f"a batch has taken over {self._silence:g} s")

    @serve.batch
    async def _answer(self, calls: list[Call]) -> list[Reply]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._handle, calls)

    def _handle(self, calls: Sequence[Call]) -> list[Reply]:
        begun = time.perf_counter()
        self._began = time.monotonic()
        try:
            replies = _handle(self._handler, calls)
        finally:
            self._began = None
        for reply in replies:
            reply.seconds = time.perf_counter() - begun
        return replies


def _handle(handler: Any, calls: Sequence[Call]) -> list[Reply]:
    """A batch through the handler; a request that cannot even be decoded is answered here and harms no other."""
    replies: dict[int, Reply] = {}
    data: dict[int, dict[str, object]] = {}
    for index, call in enumerate(calls):
        try:
            data[index] = oip.row(call.body) if call.protocol == OIP else rows.row(call.body, _type(call))
        except Exception as error:
            replies[index] = _refused(call, error)
    if data:
        replies |= zip(data, _ask(handler, [calls[index] for index in data], list(data.values())), strict=True)
    return [replies[index] for index in range(len(calls))]


def _ask(handler: Any, calls: Sequence[Call], data: list[dict[str, object]]) -> list[Reply]:
    samples = _Samples()
    headers = [{**_of_body(call), "explain": str(call.explain)} for call in calls]
    context = BatchContext(headers, samples)
    try:
        bodies = handler.handle(data, context)
    except Exception:  # its log says where
        return [Reply(503, None) for _ in calls]
    replies = []
    for call, body, said in zip(calls, bodies, context.replies, strict=True):
        reply = Reply(said.status, bytes(body), said.content_type, said.headers)
        replies.append(_in_protocol(call, reply))
    replies[0].samples = samples.taken
    return replies


def _type(call: Call) -> str | None:
    return call.headers.get("content-type")


def _of_body(call: Call) -> Mapping[str, str]:
    """The headers that the handler is to see; those of a tensor's body say nothing of the image in it."""
    if call.protocol != OIP:
        return call.headers
    return {name: value for name, value in call.headers.items() if not name.startswith(("content-", "accept"))}


def _in_protocol(call: Call, reply: Reply) -> Reply:
    """The reply in the protocol that was asked in."""
    if call.protocol == OIP and reply.content_type == "application/json" and reply.body is not None:
        good = reply.status == 200
        reply.body = oip.response(call.body, reply.body, call.model, call.explain) if good else oip.error(reply.body)
    return reply


def _refused(call: Call, error: Exception) -> Reply:
    """The reply to a request that cannot be decoded, in the words of the model's own errors."""
    from handlers.response import error_response  # the archive's
    from model_src.errors import InternalError, InvalidRequest
    from model_src.private_log import error_location

    refusal: InvalidRequest | InternalError
    if isinstance(error, rows.BadForm):
        refusal = InvalidRequest(f"found a damaged form ({error}), need the image in its field 'data'")
    elif isinstance(error, oip.BadTensor):
        refusal = InvalidRequest(str(error))
    elif isinstance(error, RecursionError):
        refusal = InvalidRequest("found lists within lists within lists, need a flat one")
    else:
        logger.error("a request failed: %s", error_location(error))
        refusal = InternalError("the server failed on this request; its log says why")
    response = error_response(refusal)
    return _in_protocol(call, Reply(response.status, response.body))


def _load(directory: str, model: str, batch: int) -> Any:
    """The archive's handler, ready to answer."""
    handler = importlib.import_module("coronet_handler").CoroNetHandler()
    gpus = ray.get_gpu_ids()  # CUDA_VISIBLE_DEVICES names them: the first is 0 here
    handler.initialize(LoadContext.of(Path(directory), model, batch, 0 if gpus else None))
    return handler


def _log_to(path: str, model: str) -> None:
    """Warnings and errors of this process, and what our code says, into one file of all workers."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(f"%(asctime)s [%(levelname)s] {model}-%(process)d %(name)s - %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("ray").setLevel(logging.WARNING)
