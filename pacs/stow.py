"""Results to a PACS by STOW-RS (DICOMweb)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import requests

from pacs.delivery import Later, Rejected
from pacs.settings import StowTarget
from pacs.web_request import ask

_REASON, _FAILED = "00081197", "00081198"  # Failure Reason, in each item of Failed SOP Sequence
_HAS_IT = 0x0111
_NO_ROOM = range(0xA700, 0xA800)
_STORED = (200, 202)  # a redirection is not followed, and has stored nothing
_COME_AGAIN = (408, 425, 429)
# What a new password or another address mends is no fault of the film: it waits for that.
_NOT_LET_IN = (301, 302, 303, 307, 308, 401, 403, 404)


class StowSender:
    """Posts all objects in one request.

    Args:
        target: where to.
        timeout: seconds to wait for the connection, and then for the answer.
    """

    def __init__(self, target: StowTarget, timeout: float) -> None:
        self._target = target
        self._timeout = timeout

    def send(self, objects: Mapping[str, bytes]) -> None:
        """As in `Sender`."""
        boundary = uuid4().hex
        parts = [
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content + b"\r\n"
            for content in objects.values()
        ]
        response = self._ask(
            "POST",
            data=b"".join([*parts, f"--{boundary}--\r\n".encode()]),
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
        )
        if response.status_code >= 500 or response.status_code in _COME_AGAIN:
            raise Later(f"it answers {response.status_code} {response.reason}")
        if response.status_code in _NOT_LET_IN:
            raise Later(f"it answers {response.status_code} {response.reason}: correct the target's url or secret")
        reasons = _failures(response)
        if any(reason in _NO_ROOM for reason in reasons):
            raise Later("it is out of resources (A700)")
        if reasons and all(reason == _HAS_IT for reason in reasons):
            return
        if reasons or response.status_code not in _STORED:
            codes = ", ".join(f"{reason:04X}" for reason in reasons)
            raise Rejected(
                f"it answers {response.status_code} {response.reason}{f', reasons {codes}' if codes else ''}"
            )

    def check(self) -> str:
        """As in `Sender`: whatever HTTP answers, somebody is there."""
        try:
            self._ask("OPTIONS")
        except Later as error:
            return str(error)
        return ""

    def _ask(self, method: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> requests.Response:
        with requests.Session() as session:
            return ask(session, self._target, method, self._target.url, self._timeout, data=data, headers=headers)


def _failures(response: requests.Response) -> list[int]:
    """The reasons of the objects that were not stored."""
    try:
        found: Any = response.json()
        items = found.get(_FAILED, {}).get("Value", [])
        return [int(item.get(_REASON, {}).get("Value", [0])[0]) for item in items]
    except (ValueError, AttributeError, TypeError, IndexError):
        return []
