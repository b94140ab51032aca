"""A film to the server by HTTP, result objects back."""

from __future__ import annotations

from typing import Any

from client.http import CoroNetClient
from client.tokens import find_token
from model_src.errors import CoroNetError, InternalError, OutOfMemory, Overloaded, RequestError
from pacs.delivery import Later, Rejected
from pacs.settings import Explanation, Scoring


class Scorer:
    """Asks the server. Each film has a client of its own: a server that was started anew has a new token.

    Args:
        server: where to ask.
        explanation: how to explain; None: the prediction alone.
    """

    def __init__(self, server: Scoring, explanation: Explanation | None) -> None:
        self._server = server
        self._explanation = explanation

    def results(self, film: bytes) -> dict[str, bytes]:
        """DICOM files by name: "report", and with an explanation "map", "picture" and mostly "outline".

        Raises:
            Later: the server is away or busy, or its worker ended.
            Rejected: it will not answer for this film.
        """
        server, explanation = self._server, self._explanation
        try:
            token = find_token(server.url, token_file=server.token_file)
            client = CoroNetClient(server.url, token, server.timeout_seconds, patient=False)
            if explanation is None:
                return client.predict_dicom(film)
            fields: dict[str, Any] = {**explanation.options, "method": explanation.method}
            return client.explain_dicom(film, **fields)
        except RequestError as error:
            why, logged = f"server: {error} ({error.type})", f"server: {error.type}"
            if isinstance(error, Overloaded):
                raise Later(why, logged=logged) from None
            if isinstance(error, InternalError | OutOfMemory):
                raise Later(why, logged=logged, suspect=True) from None
            raise Rejected(why, logged=logged) from None
        except CoroNetError as error:
            raise Later(f"server: {error}") from None
