"""What stands before every request: whose page asks, by which name we were called, and what a browser may do."""

from __future__ import annotations

import logging
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model_src.private_log import error_location
from web.answers import error_answer

logger = logging.getLogger(__name__)

SECURITY_HEADERS = {
    # Nothing from elsewhere, nothing inline, no frame around us; a page that is lied to cannot send films away either.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # frame-ancestors, for old browsers
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class Guards:
    """ASGI middleware around the whole server."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """Args: the server; the host names, in small letters, by which browsers may call it."""
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 403, or pass on; every response gets the headers, and a defect becomes a plain 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if why := self._refusal(scope):
            await error_answer(403, why)(scope, receive, send_guarded)
            return
        try:
            await self.app(scope, receive, send_guarded)
        except Exception as error:
            logger.error("%s: %s", scope["path"].partition("/api/")[2] or "page", error_location(error))
            if not begun:
                await error_answer(500, "the page's server has a defect: see its log")(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> str:
        """Why this request is not answered; "" when it is.

        A page elsewhere may point a name of its own at this machine (DNS rebinding): its browser then takes our
        answers for that page's own, but sends that name as Host. And it may POST here without being able to read
        the answer: browsers then send its Origin.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(f"//{host}") not in self.hosts:
            return (
                "found a request for another host name, need one that this server knows: open it as "
                f"{sorted(self.hosts)[0]}, or name yours with --allow-host"
            )
        if scope["method"] in ("GET", "HEAD"):
            return ""
        origin = headers.get("origin")
        if origin is not None and not _same_place(origin, host):
            return "found a request from another web page, need one from this server's own page"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "found a request from another web page, need one from this server's own page"
        return ""


def _same_place(origin: str, host: str) -> bool:
    """Whether a page's origin has the host name and port by which it called us."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:  # no address, such as http://[
        return False


def _name(url: str) -> str:
    """The host name in an address, in small letters; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
