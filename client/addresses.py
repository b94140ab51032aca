"""The address of a server: what counts as one, and whether it is on this machine."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from model_src.errors import ServerError

DEFAULT_URL = "http://127.0.0.1:8080"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


def split_url(url: str) -> SplitResult:
    """The parts of a server's address.

    Raises:
        ServerError: no http or https address; the message says what is missing.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
        (parts.hostname or "").encode("idna")  # a part of a name may be neither empty nor over 63 letters
    except ValueError:
        raise ServerError(
            f"{url} is not an address: need one like {DEFAULT_URL} (IPv6 in brackets: http://[::1]:8080)"
        ) from None
    if "://" not in url:
        raise ServerError(f"the address {url} has no scheme: need one like http://{url}")
    if parts.scheme not in ("http", "https"):
        raise ServerError(f"{url} is not an http or https address: need one like {DEFAULT_URL}")
    if not parts.hostname:
        raise ServerError(f"{url} names no host: need one like {DEFAULT_URL}")
    return parts


def is_local(url: str) -> bool:
    """Whether an address is this machine's own loopback."""
    return split_url(url).hostname in LOOPBACK_HOSTS
