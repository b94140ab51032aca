"""Damaged images and odd fields against the handler's own code: answered with 200 or 4xx, soon, in little memory."""

from __future__ import annotations

import json
import time
from collections import Counter

import psutil
import pytest

from handlers.core import CoroNetCore
from handlers.limits import Limits
from handlers.service import Call, answer_batch
from tests.fuzz.cases import case

SECONDS = 2.0
MEGABYTES = 1024
STATUSES = {200, 400, 413, 415}


@pytest.fixture(scope="module")
def core(artefact_dir):
    """The chain with random weights."""
    return CoroNetCore(artefact_dir)


def attack(core, numbers):
    """Answer these cases one by one; returns how many got which status and error type."""
    limits = Limits()
    idle = psutil.Process().memory_info().rss
    found: Counter[str] = Counter()
    slowest, most = (0.0, -1), 0.0
    for number in numbers:
        asked = case(number)
        begun = time.perf_counter()
        (reply,) = answer_batch(core, limits, [Call(asked.row, asked.explain, asked.content_type)])
        if reply.status != 200 or not asked.explain:  # an explanation that was rightly asked for takes its time
            slowest = max(slowest, (time.perf_counter() - begun, number))
        most = max(most, (psutil.Process().memory_info().rss - idle) / 1e6)
        kind = ""
        if reply.status != 200:
            said = json.loads(reply.body)
            kind = said["type"]
            assert said["code"] == reply.status, number
            assert said["message"], number
        assert reply.status in STATUSES, f"case {number}: {reply.body[:300]!r}"
        found[f"{reply.status} {kind}".strip()] += 1
    print(f"\n{sum(found.values())} inputs: {dict(found)}; slowest {slowest[0]:.2f} s, {most:.0f} MB above idle")
    assert slowest[0] < SECONDS, f"case {slowest[1]}"
    assert most < MEGABYTES
    return found


def test_a_few_hundred(core):
    found = attack(core, range(300))
    assert {"200", "400 InvalidImage", "400 InvalidRequest"} <= found.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand(core):
    attack(core, range(300, 10_300))
