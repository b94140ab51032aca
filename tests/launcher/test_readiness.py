"""Waiting for a server: what is said meanwhile, and what ends it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from launcher import readiness
from launcher.readiness import wait_until_ready
from launcher.worker_pools import WorkerPool
from model_src.errors import Overloaded, ServerError

POOLS = [WorkerPool("coronet", 2), WorkerPool("coronet-explain", 1)]


class FakeServer:
    """Describes itself with the next of `stages`: ready workers of both models."""

    name = "TorchServe"

    def __init__(self, *stages: tuple[int, int]) -> None:
        self.stages = list(stages)
        self.process = SimpleNamespace(poll=lambda: None)
        self.log = SimpleNamespace(failed=threading.Event())
        self.checked = 0
        self.refusal: Exception | None = None

    def describe(self, model: str) -> dict[str, object]:
        stage = self.stages[0] if model == "coronet" or len(self.stages) == 1 else self.stages.pop(0)
        count = stage[model != "coronet"]
        total = 2 if model == "coronet" else 1
        return {"workers": [{"status": "READY" if i < count else "LOADING"} for i in range(total)]}

    def client(self):
        return self

    def check(self) -> None:
        self.checked += 1
        if self.refusal:
            raise self.refusal

    def failure(self, what: str) -> str:
        return f"{what}; log"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(readiness.time, "sleep", lambda seconds: None)


def test_how_far_it_is_is_said_when_it_changes():
    told: list[str] = []
    server = FakeServer((0, 0), (0, 0), (1, 0), (2, 1))
    wait_until_ready(server, POOLS, told.append)
    assert [line.partition(" (")[0] for line in told] == [
        "0 of 3 workers have loaded the model",
        "1 of 3 workers have loaded the model",
        "3 of 3 workers have loaded the model",
        "asking for a small prediction and a small explanation",
    ]
    assert server.checked == 1


@pytest.mark.parametrize("how", ["ended", "failed", "late", "refused", "gone"])
def test_what_goes_wrong_is_said_with_the_log(monkeypatch, how):
    server = FakeServer((2, 1) if how in ("refused", "gone") else (0, 0))
    if how == "ended":
        server.process.poll = lambda: 1
    elif how == "failed":
        server.log.failed.set()
    elif how == "late":
        monkeypatch.setattr(readiness, "SERVER_START", -1)
    else:
        server.refusal = Overloaded("busy") if how == "refused" else ServerError("no connection")
    says = {
        "ended": "ended while",
        "failed": "not be loaded",
        "late": "within -1 s",
        "refused": "not answer .busy",
        "gone": "not answer .no connection",
    }
    with pytest.raises(ServerError, match=f"{says[how]}.*; log"):
        wait_until_ready(server, POOLS, lambda line: None)
