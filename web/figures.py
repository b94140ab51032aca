"""What Prometheus is told: requests by kind and status, how long they took, what waits. No films, no names."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable

from client.prometheus_text import histogram, metric

_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Figures:
    """The figures of one server; all of its methods are called in one event loop."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._counts: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._cancelled = 0
        self._working: dict[str, Callable[[], int]] = {}

    def watch(self, kind: str, working: Callable[[], int]) -> None:
        """Show how many requests of a kind are worked on or wait."""
        self._working[kind] = working

    def answered(self, kind: str, status: int, seconds: float) -> None:
        """Count one request, and the time of one that was answered well."""
        self._requests[kind, status] += 1
        if status < 400:
            counts = self._counts.setdefault(kind, [0] * (len(_BOUNDS) + 1))
            counts[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds

    def cancelled(self) -> None:
        """Count an explanation that nobody waits for any more."""
        self._cancelled += 1

    def prometheus(self) -> str:
        """The lines of a metrics page."""
        requests = [
            ({"kind": kind, "status": str(status)}, count) for (kind, status), count in sorted(self._requests.items())
        ]
        working = [({"kind": kind}, count()) for kind, count in self._working.items()]
        return "".join(
            [
                metric("coronet_web_requests_total", "counter", "Requests of the page, by kind and status.", requests),
                metric("coronet_web_working", "gauge", "Requests that are worked on or wait.", working),
                metric(
                    "coronet_web_cancelled_total",
                    "counter",
                    "Explanations that nobody waited for any more.",
                    [({}, self._cancelled)],
                ),
                *(
                    histogram(
                        f"coronet_web_{kind}_seconds",
                        f"Seconds until a request of kind {kind} was answered well.",
                        _BOUNDS,
                        counts,
                        self._seconds[kind],
                    )
                    for kind, counts in sorted(self._counts.items())
                ),
            ]
        )
