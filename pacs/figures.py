"""What Prometheus reads of a node: films waiting, done, failed, refused, and how long they took."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from client.prometheus_text import CONTENT_TYPE, histogram, metric
from model_src.errors import ServerError

_BOUNDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400)  # seconds
_OUTCOMES = ("accepted", "repeated", "refused", "done", "failed")
_LOOPBACK = "127.0.0.1"


class Figures:
    """Counts since the start of this process, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._films: Counter[str] = Counter(dict.fromkeys(_OUTCOMES, 0))
        self._tries = 0
        self._seconds = [0] * (len(_BOUNDS) + 1)
        self._total = 0.0

    def count(self, outcome: str) -> None:
        """One more film "accepted", "repeated", "refused" or "failed"."""
        with self._lock:
            self._films[outcome] += 1

    def count_failed_try(self) -> None:
        """A try that did not work, and is followed by another."""
        with self._lock:
            self._tries += 1

    def count_done(self, seconds: float) -> None:
        """A film whose results are where they belong, so many seconds after it came."""
        with self._lock:
            self._films["done"] += 1
            self._seconds[bisect_left(_BOUNDS, seconds)] += 1
            self._total += seconds

    def prometheus(self, waiting: int, failed: int) -> str:
        """The lines of the metrics page; `waiting` and `failed` are films that are in those folders now."""
        with self._lock:
            films = [({"outcome": outcome}, number) for outcome, number in sorted(self._films.items())]
            return "".join(
                [
                    metric("coronet_pacs_waiting", "gauge", "Films that wait for results.", [({}, waiting)]),
                    metric("coronet_pacs_in_failed", "gauge", "Films in the folder failed.", [({}, failed)]),
                    metric("coronet_pacs_films_total", "counter", "Films since the start, by outcome.", films),
                    metric(
                        "coronet_pacs_failed_tries_total", "counter", "Tries that are repeated.", [({}, self._tries)]
                    ),
                    histogram(
                        "coronet_pacs_seconds",
                        "Seconds from a film's arrival until all targets have its results.",
                        _BOUNDS,
                        self._seconds,
                        self._total,
                    ),
                ]
            )


class MetricsPage:
    """Serves one page on this machine's loopback, until it is closed.

    Args:
        port: where.
        text: makes the page.

    Raises:
        ServerError: the port cannot be had.
    """

    def __init__(self, port: int, text: Callable[[], str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds: a caller that says nothing keeps no thread

            def do_GET(self) -> None:
                found = self.path == "/metrics"
                body = text().encode() if found else b"need /metrics\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Nothing: who reads the page is of no interest."""

        try:
            self._server = ThreadingHTTPServer((_LOOPBACK, port), Handler)
        except OSError as error:
            raise ServerError(f"metrics_port: port {port} cannot be had ({error.strerror}): choose another") from None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
