"""What a server sends back for one request: a body with its type and status, of a result or of an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model_src.errors import RequestError
from model_src.model_names import EXPLAIN_MODEL
from outputs.prediction_json import to_json
from outputs.registry import JSON

# TorchServe writes phrases into frames whose length it counts in characters: fixed, ASCII, one line.
_PHRASES = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    406: "Not Acceptable",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The status in words."""
        return _PHRASES.get(self.status, "Error")


def error_response(error: RequestError) -> Response:
    """`{"code", "type", "message"}` with the error's own status."""
    # A message may quote what was sent, and JSON can carry half a surrogate pair, which UTF-8 cannot.
    message = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    return Response(to_json({"code": error.status, "type": error.type, "message": message}), status=error.status)


def explanations_elsewhere() -> Response:
    """A redirect to the workers that do nothing but explain; HTTP clients repeat the request there as it is."""
    path = f"/explanations/{EXPLAIN_MODEL}"
    message = f"workers here are for predictions, and too busy for this explanation or it takes too long: ask at {path}"
    body = to_json({"code": 307, "type": "ExplanationsElsewhere", "message": message})
    return Response(body, status=307, headers={"Location": path})
