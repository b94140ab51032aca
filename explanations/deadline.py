"""When a map must be done, and what its answer says if it was cut short there."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment at which a map is answered as far as it has come."""

    at: float  # seconds on the clock of time.monotonic
    why: str  # whose limit it is, for a warning or a refusal: "time_budget of 5 s"

    @classmethod
    def after(cls, seconds: float, why: str) -> Deadline:
        """`seconds` from now."""
        return cls(time.monotonic() + seconds, why)

    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.at


def over(deadline: Deadline | None) -> bool:
    """Whether there is a deadline and it has passed."""
    return deadline is not None and deadline.passed()
