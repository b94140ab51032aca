"""What a bad response or a failed connection means: the exception for it, with what to do."""

from __future__ import annotations

import requests

from client.addresses import DEFAULT_URL
from client.keys import key_refused
from client.tokens import TOKEN_VARIABLE, TokenSource
from model_src import errors
from model_src.errors import CoroNetError, ImageTooLarge, InternalError, Overloaded, RequestError, ServerError


def too_large(sent: int | None = None) -> ImageTooLarge:
    """For a request of `sent` bytes that a server does not take."""
    found = "" if sent is None else f"the request has {sent} bytes, "
    return ImageTooLarge(f"{found}the server takes smaller requests: see max_request_size in config.properties")


def response_error(response: requests.Response, kind: str, message: str, url: str, token: TokenSource) -> CoroNetError:
    """The exception for a bad response; `kind` and `message` are "type" and "message" of its body."""
    status = response.status_code
    refusal = getattr(errors, kind, None)
    if isinstance(refusal, type) and issubclass(refusal, RequestError):
        return refusal(message)
    if key_refused(response):
        return ServerError(
            f"{url} refused {token} (wrong or expired): give the server's own with "
            f"--token-file key_file.json, --token or {TOKEN_VARIABLE}, or restart it with 'coronet serve'"
        )
    if status == 413:
        return too_large()
    if kind == "ModelNotFoundException":
        return ServerError(f"{url} serves no model 'coronet': start it with 'coronet serve'")
    if kind in ("InternalServerException", "ServiceUnavailableException"):
        failure = Overloaded if status == 503 else InternalError
        return failure(f"the server could not answer ({status}: {message}): see its logs/model_log.log")
    message = message or "is it the address of TorchServe?"
    return ServerError(f"{url} answered {status}, but not as CoroNet does: {message}")


def connection_error(url: str, error: requests.RequestException) -> ServerError:
    """The exception for a connection that failed."""
    if isinstance(error, requests.exceptions.InvalidURL):
        return ServerError(f"{url} is not an address: need one like {DEFAULT_URL}")
    if isinstance(error, requests.exceptions.ProxyError):
        return ServerError(
            f"the proxy on the way to {url} does not answer: see the variables HTTP_PROXY and HTTPS_PROXY, or name the "
            "server's host in NO_PROXY"
        )
    if isinstance(error, requests.exceptions.SSLError):
        return ServerError(
            f"the certificate of {url} is not trusted: name the file of its authority in REQUESTS_CA_BUNDLE "
            f"({_reason(error)})"
        )
    text = str(error)
    if "Connection refused" in text:
        return ServerError(f"no server at {url}: start one with 'coronet serve', or give its address with --url")
    if "Name or service not known" in text or "name resolution" in text or "getaddrinfo failed" in text:
        return ServerError(f"{url}: no machine of that name is known: check the address")
    if any(sign in text for sign in ("Connection aborted", "Connection reset", "Broken pipe", "RemoteDisconnected")):
        return ServerError(f"the server at {url} is starting or stopping: try again in a moment")
    return ServerError(f"connection to {url} failed: {_reason(error)}")


def _reason(error: requests.RequestException) -> object:
    return getattr(error.args[0], "reason", error.args[0]) if error.args else error
