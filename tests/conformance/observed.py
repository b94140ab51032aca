"""One question asked of a running server, and what came of it in a word."""

from __future__ import annotations

from contextlib import suppress

import requests

from client.tokens import read_key
from launcher.server import Server
from tests.conformance.asked import Asked, Inputs

NO_ANSWER = "no answer"  # the connection broke


def ask(server: Server, asked: Asked, inputs: Inputs) -> requests.Response | None:
    """The response; None where the connection broke."""
    arguments = asked.arguments(inputs)
    headers = dict(arguments.pop("headers", {}))
    if asked.token in ("right", "management"):
        kind = "inference" if asked.token == "right" else "management"
        headers["Authorization"] = f"Bearer {read_key(server.token.file, kind)}"
    elif asked.token is not None:
        headers["Authorization"] = asked.token
    # Who still sends when a front has refused the body and closed may lose the answer, or its end: ask again.
    for _ in range(8):
        with suppress(requests.exceptions.ChunkedEncodingError, requests.ConnectionError):
            return requests.request(asked.method, server.url + asked.path, headers=headers, timeout=120, **arguments)
    return None


def observed(asked: Asked, response: requests.Response | None) -> str:
    """Status, and the type of an error, as in "400 InvalidImage"; "200 wrong" where it is not the right answer."""
    if response is None:
        return NO_ANSWER
    if response.ok and response.status_code == 200:
        return "200" if asked.check(response) else "200 wrong"
    try:
        body = response.json()
        kind = str(body["type"])
        right = body["code"] == response.status_code and body["message"]
        if not asked.expected.startswith("200"):
            right = right and asked.check(response)
    except (ValueError, KeyError, TypeError):
        return str(response.status_code)
    return f"{response.status_code} {kind}" if right else f"{response.status_code} {kind} wrong"
