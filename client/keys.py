"""Sending a key of TorchServe's, and having TorchServe renew one that has expired."""

from __future__ import annotations

import requests

from client.management import ask_management
from client.tokens import TokenSource, read_key
from model_src.errors import ServerError
from model_src.time_limits import CONNECT


class BearerToken(requests.auth.AuthBase):
    """Sends the token; as `auth` rather than as a header, because a ~/.netrc entry would replace a header."""

    def __init__(self, token: str) -> None:
        """Raises ServerError for what cannot be sent: the error met later would quote it."""
        if not token.isascii() or not token.isprintable():
            raise ServerError("the token holds characters that no token has: copy it again, or use --token-file")
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def key_refused(response: requests.Response) -> bool:
    """True for TorchServe's response to a missing, wrong or expired key, which is a 400."""
    return response.status_code == 400 and b"InvalidKeyException" in response.content[:300]


def renew(source: TokenSource, kind: str) -> bool:
    """Have a server of our own write a new key of a kind ("inference", "management") into its key file.

    Returns:
        Whether it did; False too for a server whose management nobody here can ask.
    """
    if source.file is None or source.management_url is None:
        return False
    try:
        key = BearerToken(read_key(source.file, "API"))  # this one does not expire
        return ask_management(source.management_url, "GET", "/token", key, {"type": kind}, CONNECT).ok
    except (requests.RequestException, ServerError):
        return False
