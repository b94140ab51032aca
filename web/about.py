"""What the page shows before the first film: which model is served, what it can be asked, and whether it answers."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from client.http import gray_png
from client.tokens import TokenSource
from client.worker_status import all_pools_work, describe
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from model_src.errors import Overloaded, RequestError, ServerError
from model_src.model_names import PREDICT_MODEL
from web.uploads import LARGEST_FILM
from web.upstream import Upstream

READY = "ready"
_FRESH = 1.0  # seconds for which an answer is given again: a page in trouble asks often, and there may be many
_DESCRIBED = 300.0  # the same for the description, which a worker has to give
_REMEMBERED = 20  # explanations of a method whose duration is remembered


class About:
    """Asks the server behind what it is; thread-safe, and one question at a time however many pages ask."""

    def __init__(self, upstream: Upstream, methods: Sequence[str] = ()) -> None:
        """Args: the server behind; the explanation methods of a server that cannot be asked for them."""
        self.starting = ""  # why there is no server yet, while this command starts one itself
        self._upstream = upstream
        self._without_description = {
            "class_names": list(CLASS_NAMES),
            "methods": {name: {"summary": "", "options": {}} for name in methods},
            "notice": RESEARCH_USE,
            "warnings": [RESEARCH_USE],
        }
        self._described: dict[str, Any] = {}
        self._described_at = -_DESCRIBED
        self._digests: set[str] = set()
        self._state = ""
        self._asked_at = -_FRESH
        self._lock = threading.Lock()  # held while the server is asked
        self._remembering = threading.Lock()
        self._seconds: dict[str, deque[float]] = {}

    def explained(self, method: str, seconds: float) -> None:
        """Remember how long an explanation took."""
        with self._remembering:
            self._seconds.setdefault(method, deque(maxlen=_REMEMBERED)).append(seconds)

    def served(self, digest: str) -> bool:
        """Whether a model with this SHA-256 has been served since this page's server started."""
        return digest in self._digests

    def read(self) -> dict[str, Any]:
        """The JSON of /api/about; never fails: `server` is "ready", or one line that says why it is not."""
        if self.starting:
            return self._answer(self.starting, {})
        with self._lock:
            if time.monotonic() - self._asked_at > _FRESH:
                self._state = self._ask()
                self._asked_at = time.monotonic()
            state, described = self._state, self._described
        return self._answer(state, described)

    def _answer(self, state: str, described: dict[str, Any]) -> dict[str, Any]:
        with self._remembering:
            usual = {method: round(statistics.median(seconds), 3) for method, seconds in self._seconds.items()}
        return {
            **self._without_description,
            **described,
            "server": state,
            "usual_seconds": usual,
            "largest_bytes": LARGEST_FILM,
        }

    def _ask(self) -> str:
        """Whether the server answers; what it says of itself is put into `_described`."""
        try:
            token = self._upstream.token_source()
            token.read()
            if token.management_url is None:
                return self._try_out()
            return self._ask_management(token)
        except ServerError as error:
            self._forget()
            return str(error)

    def _ask_management(self, token: TokenSource) -> str:
        if not all_pools_work(token):
            self._forget()
            if not describe(token, PREDICT_MODEL):
                return f"no server at {self._upstream.url}: start one with 'coronet serve'"
            return f"the server at {self._upstream.url} has not loaded its model: it is starting, or see its log"
        if time.monotonic() - self._described_at > _DESCRIBED:
            model = describe(token, PREDICT_MODEL, customized="true").get("customizedMetadata")
            if isinstance(model, dict):  # else its workers are busy: the next page asks again
                self._described, self._described_at = model, time.monotonic()
                self._digests |= set(model.get("sha256", {}).values())
        return READY

    def _try_out(self) -> str:
        """Ask a server elsewhere for a small prediction: its management lets nobody ask."""
        try:
            answer = self._upstream.client(timeout=10.0).predict(gray_png())
        except Overloaded:
            return READY  # busy is not away
        except RequestError as error:
            return str(error)
        names = ("model", "model_version", "warnings")
        self._described = {name: answer[name] for name in names if name in answer}
        return READY

    def _forget(self) -> None:
        """Another model may be served by the server that comes next."""
        self._described, self._described_at = {}, -_DESCRIBED
