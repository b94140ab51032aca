"""Damaged images and odd fields through the real TorchServe: every one answered in time, and no worker lost."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from tests.fuzz.cases import case

STATUSES = {200, 400, 413, 415}
# Two seconds of the worker's work, and as many of waiting for a core on a busy machine.
SECONDS = 4.0
EXPLAINED_SECONDS = 40.0


def worker_pids(server):
    pools = [server.describe(model)["workers"] for model in (PREDICT_MODEL, EXPLAIN_MODEL)]
    return [worker["pid"] for pool in pools for worker in pool]


def attack(server, post, numbers):
    workers = worker_pids(server)
    assert len(workers) == 3
    found: Counter[str] = Counter()
    slowest, explained = (0.0, -1), (0.0, -1)
    for number in numbers:
        asked = case(number)
        begun = time.monotonic()
        answer = post("/explanations/coronet-explain" if asked.explain else "/predictions/coronet", **asked.http())
        took = (time.monotonic() - begun, number)
        assert answer.status_code in STATUSES, f"case {number}: {answer.text[:300]}"
        assert answer.headers["Content-Type"] == "image/png" or answer.json(), number
        if asked.explain and answer.status_code == 200:
            explained = max(explained, took)
        else:
            slowest = max(slowest, took)
        found[f"{'explanations' if asked.explain else 'predictions'} {answer.status_code}"] += 1
    print(f"\n{len(numbers)} requests: {dict(found)}; slowest {slowest[0]:.2f} s, explained {explained[0]:.2f} s")
    assert slowest[0] < SECONDS, f"case {slowest[1]}"
    assert explained[0] < EXPLAINED_SECONDS, f"case {explained[1]}"
    assert found["predictions 200"] > 0.1 * len(numbers)
    assert found["explanations 200"] > 0.02 * len(numbers)
    assert worker_pids(server) == workers
    assert server.client().ready()


def test_two_hundred(server, post):
    attack(server, post, range(200))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand(server, post):
    attack(server, post, range(200, 1200))
