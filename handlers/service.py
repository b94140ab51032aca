"""A batch of requests -> a batch of responses, each request on its own account. It knows no TorchServe.

Each request is parsed, admitted, grouped with what can be computed together, run, and rendered. Predictions and
explanations may share a batch: all predictions are made together, each explanation request runs by itself, and every
response goes back to the place of its request. Whatever is wrong with a request is said in its place and nowhere else.
A request with a list of images gets one response: the first of its images that has an error names itself and stands
for all of them.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np

from explanations import ExplainOptions
from explanations.deadline import Deadline, never
from handlers.limits import Limits
from handlers.measurements import Measurements
from handlers.request_body import ImageRequest, naming_instance, parse_row, wanted_media_type
from handlers.request_size import check_total
from handlers.response import Response, error_response, explanations_elsewhere
from handlers.sent_as import SentAs
from inference.failures import is_device_lost, is_out_of_memory, out_of_memory
from inference.predictor import Predictor
from inference.results import Prediction
from model_src.errors import InternalError, InvalidRequest, Overloaded, RequestError
from model_src.imaging.xray import Xray
from model_src.private_log import error_location
from outputs.drawing import at_picture_size
from outputs.prediction_json import join_json
from outputs.registry import (
    EXPLANATIONS,
    FILM_EXPLANATIONS,
    FILM_PREDICTIONS,
    JSON,
    PREDICTIONS,
    RenderExplanation,
    RenderPrediction,
    content_type,
    render_explanation,
    render_prediction,
)

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_NO_PIXELS = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Request:
    """One request of a batch, as a server hands it over."""

    row: Mapping[str, object]  # field -> value; the image is in "body" or "data" (request_body.py)
    explain: bool
    sent: SentAs = field(default_factory=SentAs)
    accept: str | None = None  # the header: another media type than JSON, where it names one
    abandoned: Callable[[], bool] = never  # whether nobody waits for it any more


@dataclass(frozen=True)
class _Predictable:
    """A prediction request with its images decoded."""

    xrays: list[Xray]
    listed: bool
    media_type: str
    render: RenderPrediction


@dataclass(frozen=True)
class _Explainable:
    """One image of an explanation request, admitted."""

    image: bytes
    options: ExplainOptions
    media_type: str
    render: RenderExplanation


def _always() -> AbstractContextManager[float]:
    return nullcontext(math.inf)


def respond(
    predictor: Predictor,
    limits: Limits,
    requests: Sequence[Request],
    measured: Measurements | None = None,
    explaining: Callable[[], AbstractContextManager[float]] = _always,
) -> list[Response]:
    """One response per request, in order; counts and times go into `measured`.

    `explaining` is entered around each explanation; it gives the seconds that one may take here, and what would take
    longer is sent to the server's other workers.

    The only exception that leaves this function is that of a lost device.
    """
    measured = Measurements() if measured is None else measured
    deadline = time.monotonic() + limits.explain_seconds
    predictable = {
        i: _attempt(_read, predictor, limits, request, measured)
        for i, request in enumerate(requests)
        if not request.explain
    }
    found = _predict_together(predictor, limits, predictable, measured)
    for i, request in enumerate(requests):
        if request.explain:
            with explaining() as seconds:
                found[i] = _attempt(_explain, predictor, limits, request, deadline, measured, seconds)
    responses = [found[i] for i in range(len(requests))]
    measured.errors.update(each.type for each in responses if isinstance(each, RequestError))
    return [error_response(each) if isinstance(each, RequestError) else each for each in responses]


def _parse(request: Request, limits: Limits) -> ImageRequest:
    parsed = parse_row(request.row, explain=request.explain, max_instances=limits.max_instances, sent=request.sent)
    if parsed.listed:
        check_total([item.image for item in parsed.items], limits.max_pixels)
    return parsed


def _read(predictor: Predictor, limits: Limits, request: Request, measured: Measurements) -> _Predictable:
    """A prediction request, parsed, and its images."""
    parsed = _parse(request, limits)
    accept = None if parsed.listed else request.accept
    media_type = wanted_media_type({**PREDICTIONS, **FILM_PREDICTIONS}, accept=accept)
    render = render_prediction(media_type, parsed.items[0].image)  # anything but JSON is for one image alone
    xrays = []
    for index, item in enumerate(parsed.items):
        with naming_instance(parsed.listed, index), measured.step("decode"):
            # Only explanations draw on the image; a batch of large films would fill the memory.
            xrays.append(dataclasses.replace(predictor.read(item.image), pixels=_NO_PIXELS))
    return _Predictable(xrays, parsed.listed, media_type, render)


def _predict_together(
    predictor: Predictor, limits: Limits, read: Mapping[int, _Predictable | RequestError], measured: Measurements
) -> dict[int, Response | RequestError]:
    """Predictions for all images of all requests at once; requests that could not be read keep their error."""
    xrays = [xray for each in read.values() if isinstance(each, _Predictable) for xray in each.xrays]
    together = _attempt(_predict, predictor, xrays, measured)
    responses: dict[int, Response | RequestError] = {}
    start = 0
    for index, found in read.items():
        if isinstance(found, RequestError):
            responses[index] = found
            continue
        if isinstance(together, RequestError):  # one of them did this: each by itself
            predictions = _attempt(_predict, predictor, found.xrays, measured)
        else:
            predictions = together[start : start + len(found.xrays)]
            start += len(found.xrays)
        responses[index] = (
            predictions
            if isinstance(predictions, RequestError)
            else _attempt(_render_predictions, limits, found, predictions, measured)
        )
    return responses


def _predict(predictor: Predictor, xrays: list[Xray], measured: Measurements) -> list[Prediction | RequestError]:
    if not xrays:
        return []
    with measured.step("chain"):
        predictions = predictor.predict(xrays)
    measured.predicted(predictions)
    return predictions


def _render_predictions(
    limits: Limits, asked: _Predictable, predictions: Sequence[Prediction | RequestError], measured: Measurements
) -> Response:
    with measured.step("encode"):
        bodies = [each if isinstance(each, RequestError) else asked.render(each) for each in predictions]
    return _response(limits, bodies, asked.listed, asked.media_type)


def _explain(
    predictor: Predictor, limits: Limits, request: Request, deadline: float, measured: Measurements, seconds: float
) -> Response:
    """One explanation request, from parsing to its response."""
    if not seconds:
        return explanations_elsewhere()
    parsed = _parse(request, limits)
    wanted = _admit(predictor, limits, parsed, request.accept)
    longest = min(limits.explain_seconds, seconds)
    if sum(predictor.expected_seconds(each.options) for each in wanted) > longest:  # it would fit elsewhere
        return explanations_elsewhere()
    bodies: dict[int, bytes | RequestError] = {}
    ends = time.monotonic() + longest
    why = f"the server's limit of {longest:g} s" + (" for this list" if parsed.listed else "")
    for part in _groups(predictor, wanted):
        now = time.monotonic()
        if now > deadline:
            raise Overloaded(
                f"explanations that came together took over {limits.explain_seconds} s; "
                "ask again, for fewer images or with fewer steps"
            )
        share = Deadline.after((ends - now) * len(part) / (len(wanted) - len(bodies)), why, request.abandoned)
        share.check_wanted()
        bodies.update(_run_part(predictor, {i: wanted[i] for i in part}, parsed.listed, share, measured))
    return _response(limits, [bodies[i] for i in range(len(wanted))], parsed.listed, wanted[0].media_type)


def _admit(predictor: Predictor, limits: Limits, parsed: ImageRequest, accept: str | None) -> list[_Explainable]:
    """What is asked for each image, if this server does it within its time and can send it."""
    wanted = []
    for index, item in enumerate(parsed.items):
        with naming_instance(parsed.listed, index):
            fields = dict(item.fields)
            format = fields.pop("format", None)
            options = predictor.options(fields, limits.explain_seconds, len(parsed.items))
            table = {**EXPLANATIONS, **FILM_EXPLANATIONS}
            media_type = wanted_media_type(table, format, None if parsed.listed else accept)
            if parsed.listed and media_type != JSON:
                raise InvalidRequest(
                    f"format: {str(format).strip().lower()} is for one image per request, need json in a list of images"
                )
            wanted.append(_Explainable(item.image, options, media_type, render_explanation(media_type, item.image)))
    return wanted


def _groups(predictor: Predictor, wanted: Sequence[_Explainable]) -> Iterator[list[int]]:
    """Indices of images that are explained together: their options differ in nothing but the target."""
    shared = [dataclasses.replace(each.options, target=None) for each in wanted]
    for options in dict.fromkeys(shared):
        rows = [index for index, each in enumerate(shared) if each == options]
        together = predictor.together(options)
        yield from (rows[start : start + together] for start in range(0, len(rows), together))


def _run_part(
    predictor: Predictor, part: Mapping[int, _Explainable], listed: bool, deadline: Deadline, measured: Measurements
) -> dict[int, bytes | RequestError]:
    """Read, explain and render images of one group; by their index in the request."""
    xrays = []
    for index, each in part.items():
        with naming_instance(listed, index), measured.step("decode"):
            xray = predictor.read(each.image)
            xrays.append(dataclasses.replace(xray, pixels=at_picture_size(xray.pixels)))
    first, *_ = (each.options for each in part.values())
    targets = [each.options.target for each in part.values()]
    with measured.explaining(first.method, len(part)):
        explanations = predictor.explain(xrays, first, targets, deadline)
    bodies: dict[int, bytes | RequestError] = {}
    for (index, each), xray, explanation in zip(part.items(), xrays, explanations, strict=True):
        if isinstance(explanation, RequestError):
            bodies[index] = explanation
            continue
        with measured.step("encode"):
            bodies[index] = each.render(explanation, xray.pixels)
    return bodies


def _response(limits: Limits, bodies: Sequence[bytes | RequestError], listed: bool, media_type: str) -> Response:
    """One response from what was rendered for each image of a request."""
    whole: list[bytes] = []
    for index, body in enumerate(bodies):
        with naming_instance(listed, index):
            if isinstance(body, RequestError):
                raise body
        whole.append(body)
    response = Response(join_json(whole) if listed else whole[0], content_type(media_type))
    if len(response.body) > limits.max_answer_bytes:  # the server would end the worker
        raise InvalidRequest(
            f"the answer would have {len(response.body)} bytes, the limit is {limits.max_answer_bytes}; "
            "ask for fewer images per request"
        )
    return response


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
            logger.warning("a request ran out of memory: %s", error_location(error))
            return out_of_memory()
        logger.error("a request failed: %s", error_location(error))
        return InternalError("the server failed on this request; its log says why")
