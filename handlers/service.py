"""A batch of requests -> a batch of replies, each request on its own account. It knows no TorchServe.

Predictions and explanations may share a batch: all predictions are classified together, each explanation
request runs by itself, and every reply goes back to the place of its request. Whatever is wrong with a request
is answered in its place and nowhere else. A request with a list of images is answered whole: the first of its
images that has an error names itself and stands for all of them.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np

from explanations import parse_options
from explanations.deadline import Deadline
from explanations.time_limit import check_time, expected_seconds
from handlers.limits import Limits
from handlers.measurements import Measurements
from handlers.private_log import whereabouts
from handlers.request_body import ImageRequest, naming_instance, parse_row
from handlers.request_size import check_total
from handlers.sent_as import SentAs
from inference.failures import is_device_lost, is_out_of_memory, out_of_memory
from inference.predictor import CoroNetCore
from model_src.errors import InternalError, InvalidRequest, Overloaded, RequestError
from model_src.imaging.xray import Xray
from outputs.answer import PNG, Reply, error_reply, explanations_elsewhere, json_reply
from outputs.pictures import at_picture_size

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_NO_PIXELS = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Call:
    """One request of a batch, as the server hands it over."""

    row: Mapping[str, object]
    explain: bool
    sent: SentAs = field(default_factory=SentAs)


@dataclass(frozen=True)
class _Images:
    """The decoded images of one prediction request."""

    xrays: list[Xray]
    listed: bool


def _always() -> AbstractContextManager[float]:
    return nullcontext(math.inf)


def answer_batch(
    core: CoroNetCore,
    limits: Limits,
    calls: Sequence[Call],
    measured: Measurements | None = None,
    explaining: Callable[[], AbstractContextManager[float]] = _always,
) -> list[Reply]:
    """One reply per call, in order; counts and times go into `measured`.

    `explaining` is entered around each explanation; it gives the seconds that one may take here, and what would take
    longer is sent to the server's other workers.

    The only exception that leaves this function is that of a lost device.
    """
    measured = Measurements() if measured is None else measured
    deadline = time.monotonic() + limits.explain_seconds
    decoded = {i: _attempt(_decode, core, limits, call, measured) for i, call in enumerate(calls) if not call.explain}
    replies = _predict(core, limits, decoded, measured)
    for i, call in enumerate(calls):
        if call.explain:
            with explaining() as seconds:
                replies[i] = _attempt(_explain, core, limits, call, deadline, measured, seconds)
    answers = [replies[i] for i in range(len(calls))]
    measured.errors.update(answer.type for answer in answers if isinstance(answer, RequestError))
    return [error_reply(answer) if isinstance(answer, RequestError) else answer for answer in answers]


def _decode(core: CoroNetCore, limits: Limits, call: Call, measured: Measurements) -> _Images:
    request = _parse(call, limits)
    xrays = []
    for index, item in enumerate(request.items):
        with naming_instance(request.listed, index), measured.step("decode"):
            # Only explanations draw on the image; a batch of large films would fill the memory.
            xrays.append(dataclasses.replace(core.read(item.image), pixels=_NO_PIXELS))
    return _Images(xrays, request.listed)


def _predict(
    core: CoroNetCore, limits: Limits, decoded: Mapping[int, _Images | RequestError], measured: Measurements
) -> dict[int, Reply | RequestError]:
    """Classify all images of all requests together; requests that could not be decoded keep their error."""
    images = [found for found in decoded.values() if isinstance(found, _Images)]
    together = _attempt(_classify, core, [xray for found in images for xray in found.xrays], measured)
    replies: dict[int, Reply | RequestError] = {}
    start = 0
    for index, found in decoded.items():
        if isinstance(found, RequestError):
            replies[index] = found
            continue
        if isinstance(together, RequestError):  # one of them did this: each by itself
            answers = _attempt(_classify, core, found.xrays, measured)
        else:
            answers = together[start : start + len(found.xrays)]
            start += len(found.xrays)
        replies[index] = (
            answers if isinstance(answers, RequestError) else _attempt(_reply, limits, answers, found.listed, measured)
        )
    return replies


def _classify(core: CoroNetCore, xrays: list[Xray], measured: Measurements) -> list[dict[str, Any] | RequestError]:
    if not xrays:
        return []
    with measured.step("chain"):
        answers = core.predict(xrays)
    measured.predicted(answers)
    return answers


def _explain(
    core: CoroNetCore, limits: Limits, call: Call, deadline: float, measured: Measurements, seconds: float
) -> Reply:
    if not seconds:
        return explanations_elsewhere()
    request = _parse(call, limits)
    options = []
    for index, item in enumerate(request.items):
        with naming_instance(request.listed, index):
            options.append(parse_options(item.fields))
            check_time(options[index], core.pace, limits.explain_seconds, len(request.items))
            if request.listed and options[index].format != "json":
                raise InvalidRequest("format: png is for one image per request, need json in a list of images")
    longest = min(limits.explain_seconds, seconds)
    if sum(expected_seconds(each, core.pace) for each in options) > longest:  # it would fit elsewhere
        return explanations_elsewhere()
    answers: dict[int, Any] = {}
    ends = time.monotonic() + longest
    why = f"the server's limit of {longest:g} s" + (" for this list" if request.listed else "")
    kinds = [dataclasses.replace(found, target=None) for found in options]
    for kind in dict.fromkeys(kinds):  # images whose options differ in nothing but the target are explained together
        rows = [index for index, found in enumerate(kinds) if found == kind]
        together = core.together(kind)
        for start in range(0, len(rows), together):
            now = time.monotonic()
            if now > deadline:
                raise Overloaded(
                    f"explanations that came together took over {limits.explain_seconds} s; "
                    "ask again, for fewer images or with fewer steps"
                )
            part = rows[start : start + together]
            share = Deadline.after((ends - now) * len(part) / (len(options) - len(answers)), why)
            xrays = []
            for index in part:
                with naming_instance(request.listed, index), measured.step("decode"):
                    xray = core.read(request.items[index].image)
                    xrays.append(dataclasses.replace(xray, pixels=at_picture_size(xray.pixels)))
            with measured.explaining(kind.method, len(part)):
                explained = core.explain(xrays, kind, [options[index].target for index in part], share)
            answers.update(zip(part, explained, strict=True))
    return _reply(limits, [answers[index] for index in range(len(options))], request.listed, measured)


def _parse(call: Call, limits: Limits) -> ImageRequest:
    request = parse_row(call.row, explain=call.explain, max_instances=limits.max_instances, sent=call.sent)
    if request.listed:
        check_total([item.image for item in request.items], limits.max_pixels)
    return request


def _reply(
    limits: Limits, answers: Sequence[dict[str, Any] | bytes | RequestError], listed: bool, measured: Measurements
) -> Reply:
    """One reply from the answers for each image of a request."""
    given: list[dict[str, Any] | bytes] = []
    for index, answer in enumerate(answers):
        with naming_instance(listed, index):
            if isinstance(answer, RequestError):
                raise answer
        given.append(answer)
    first = given[0]
    with measured.step("encode"):
        if listed:
            reply = json_reply({"predictions": given})
        else:
            reply = Reply(first, PNG) if isinstance(first, bytes) else json_reply(first)
    if len(reply.body) > limits.max_answer_bytes:  # the server would end the worker
        raise InvalidRequest(
            f"the answer would have {len(reply.body)} bytes, the limit is {limits.max_answer_bytes}; "
            "ask for fewer images per request"
        )
    return reply


def _attempt(action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | RequestError:
    """The action's result, or the error to answer with. A lost device is raised: no later request can be served."""
    try:
        return action(*args, **kwargs)
    except RequestError as error:
        return error
    except Exception as error:
        if is_device_lost(error):
            raise
        if is_out_of_memory(error):
            logger.warning("a request ran out of memory: %s", whereabouts(error))
            return out_of_memory()
        logger.error("a request failed: %s", whereabouts(error))
        return InternalError("the server failed on this request; its log says why")
