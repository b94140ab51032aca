"""When a map must be done, and what its answer says if it was cut short there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from model_src.errors import Overloaded


def never() -> bool:
    """No."""
    return False


@dataclass(frozen=True)
class Deadline:
    """A moment at which a map is answered as far as it has come."""

    at: float  # seconds on the clock of time.monotonic
    why: str  # whose limit it is, for a warning or a refusal: "time_budget of 5 s"
    abandoned: Callable[[], bool] = never  # whether the caller has gone: then the time is over at once

    @classmethod
    def after(cls, seconds: float, why: str, abandoned: Callable[[], bool] = never) -> Deadline:
        """`seconds` from now."""
        return cls(time.monotonic() + seconds, why, abandoned)

    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.at or self.abandoned()

    def check_wanted(self) -> None:
        """Raises Overloaded when the caller has gone: what is left of the work is for nobody."""
        if self.abandoned():
            raise Overloaded("nobody waits for this explanation any more: it was not finished")


def over(deadline: Deadline | None) -> bool:
    """Whether there is a deadline and it has passed."""
    return deadline is not None and deadline.passed()
