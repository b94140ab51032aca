"""Sending results to a target: what every way to one has, and what a failure means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from model_src.errors import CoroNetError


class Failure(CoroNetError):
    """Something did not work; the message is for why.txt.

    Attributes:
        logged: the same for the log, without what a server says of a film, which may quote its header.
    """

    def __init__(self, why: str, *, logged: str | None = None) -> None:
        super().__init__(why)
        self.logged = logged or why


class Later(Failure):
    """It did not work this time, and may the next.

    `suspect`: the film itself may be the cause, so that only few tries are due.
    """

    def __init__(self, why: str, *, logged: str | None = None, suspect: bool = False) -> None:
        super().__init__(why, logged=logged)
        self.suspect = suspect


class Rejected(Failure):
    """It will not work another time either; a person has to look at it."""


class Sender(Protocol):
    """A way to one target."""

    def send(self, objects: Mapping[str, bytes]) -> None:
        """Send DICOM files by name; on return the target has them all. Sending one twice does no harm.

        Raises:
            Later, Rejected: it has not, at least not all.
        """

    def check(self) -> str:
        """One line of why the target does not answer; an empty one when it does."""
