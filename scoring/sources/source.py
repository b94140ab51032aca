"""What every kind of source has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from scoring.film import Film


class Source(Protocol):
    """A place with films."""

    def films(self) -> Iterator[Film]:
        """All of them, in an order that stays the same while the place does; `identity` is set where it costs nothing.

        Raises:
            DataError: it is not there, or not what it should be.
            SourceLost: it does not answer.
        """
