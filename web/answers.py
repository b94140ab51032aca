"""Failures as responses: one line, and a status by which the page knows whether to try again."""

from __future__ import annotations

from starlette.responses import JSONResponse

from model_src.errors import CoroNetError, Overloaded, RequestError, ServerError
from model_src.imaging.decoding import one_line

_RETRY_AFTER = "2"  # seconds
_LONGEST = 400  # letters


class TooLong(RequestError):
    """The server behind did not answer in the time that this server gives it; the page does not repeat it."""

    status = 504


def error_answer(status: int, line: str) -> JSONResponse:
    """{"error": line}."""
    headers = {"Retry-After": _RETRY_AFTER} if status == 503 else {}
    return JSONResponse({"error": one_line(line, _LONGEST)}, status, headers)


def failure(error: CoroNetError) -> JSONResponse:
    """The response for an error that a user can cause, or TorchServe's absence.

    502: no server behind, or it refuses our token, or has no model. 503: it, or this server, is busy.
    """
    if isinstance(error, ServerError):
        return error_answer(502, str(error))
    if isinstance(error, Overloaded):
        return error_answer(503, str(error))
    return error_answer(error.status if isinstance(error, RequestError) else 500, str(error))
