"""Damaged images and odd fields through the real TorchServe: every one answered, and no worker lost."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fuzz.cases import case

STATUSES = {200, 400, 413, 415}


def attack(server, post, numbers):
    workers = [worker["pid"] for worker in server.describe()["workers"]]
    found: Counter[int] = Counter()
    for number in numbers:
        asked = case(number)
        answer = post("/explanations/coronet-explain" if asked.explain else "/predictions/coronet", **asked.http())
        assert answer.status_code in STATUSES, f"case {number}: {answer.text[:300]}"
        assert answer.json(), number
        found[answer.status_code] += 1
    print(f"\n{sum(found.values())} requests: {dict(found)}")
    assert [worker["pid"] for worker in server.describe()["workers"]] == workers
    assert server.client().ready()


def test_a_hundred(server, post):
    attack(server, post, range(100))


@pytest.mark.slow
def test_a_thousand(server, post):
    attack(server, post, range(100, 1100))
