"""A toy: the service behind plain WSGI, which any Python web server runs. All that a front needs.

POST /predictions    an image file          -> its prediction
POST /explanations   an image file, ?steps=5 -> its explanation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from handlers.limits import Limits
from handlers.response import Response, error_response
from handlers.sent_as import SentAs
from handlers.service import Request, respond
from inference.predictor import Predictor
from model_src.errors import InvalidRequest

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class ToyFront:
    """A WSGI application: decode, predict, encode."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request; what belongs to no path is an error like any other."""
        try:
            response = self.predict(self.decode(environ))
        except InvalidRequest as error:
            response = error_response(error)
        return self.encode(response, start_response)

    def decode(self, environ: dict[str, Any]) -> Request:
        """What WSGI hands over -> a request. Raises InvalidRequest for an unknown path."""
        path = environ["PATH_INFO"]
        if path not in ("/predictions", "/explanations"):
            raise InvalidRequest(f"found {path}, need /predictions or /explanations")
        length = environ.get("CONTENT_LENGTH") or "0"
        return Request(
            row={"body": environ["wsgi.input"].read(int(length)), **dict(parse_qsl(environ.get("QUERY_STRING", "")))},
            explain=path == "/explanations",
            sent=SentAs(environ.get("CONTENT_TYPE"), environ.get("HTTP_CONTENT_ENCODING"), length),
            accept=environ.get("HTTP_ACCEPT"),
        )

    def predict(self, request: Request) -> Response:
        """The service's response, errors included."""
        (response,) = respond(self.predictor, Limits(), [request])
        return response

    def encode(self, response: Response, start_response: StartResponse) -> Iterable[bytes]:
        """A response -> what WSGI sends."""
        headers = [("Content-Type", response.content_type), ("Content-Length", str(len(response.body)))]
        start_response(f"{response.status} {response.phrase}", [*headers, *response.headers.items()])
        return [response.body]
