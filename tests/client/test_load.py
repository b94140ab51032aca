"""What a load counts: answers, failures, rates and percentiles, on questions whose answers take a known time."""

from __future__ import annotations

import math
import threading
import time

import pytest

from client.load import Load, drive
from model_src.errors import ServerError


def test_percentiles_are_waits_that_occurred():
    load = Load(clients=1, seconds=50.0, waits=[float(n) for n in range(1, 101)], failures=[])
    assert [load.percentile(percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert load.per_second == 2.0


def test_percentiles_of_few_waits():
    load = Load(clients=1, seconds=1.0, waits=[0.1, 0.2, 0.3], failures=[])
    assert [load.percentile(percent) for percent in (50, 95, 99)] == [0.2, 0.3, 0.3]


def test_without_an_answer_there_is_no_percentile():
    load = Load(clients=2, seconds=1.0, waits=[], failures=["x"])
    assert math.isnan(load.percentile(50))
    assert load.as_json() == {
        "clients": 2,
        "seconds": 1.0,
        "answered": 0,
        "failed": 1,
        "per_second": 0.0,
        "p50": None,
        "p95": None,
        "p99": None,
    }


def test_clients_ask_at_the_same_time_each_with_its_own_connection():
    together = threading.Barrier(4)
    met = []

    def connect():
        first = iter([True])

        def ask():
            if next(first, False):
                met.append(together.wait(timeout=10))  # passed only when all four are asking
            else:
                time.sleep(0.01)

        return ask

    load = drive(connect, clients=4, seconds=0.5)
    assert sorted(met) == [0, 1, 2, 3]
    assert (load.clients, load.failures) == (4, [])
    assert len(load.waits) > 4  # and they ask again


def test_the_answer_that_is_due_at_the_end_counts_with_its_time():
    load = drive(lambda: lambda: time.sleep(0.3), clients=1, seconds=0.1)
    assert len(load.waits) == 1
    assert load.waits[0] == pytest.approx(0.3, abs=0.1)
    assert load.seconds >= 0.3


def test_a_failure_is_counted_and_is_no_answer():
    def ask():
        raise ServerError("gone")

    load = drive(lambda: ask, clients=1, seconds=0.01)
    assert (load.waits, load.failures) == ([], ["ServerError: gone"])


def test_a_client_that_cannot_be_made_ends_it():
    def connect():
        raise ServerError("no token")

    with pytest.raises(ServerError, match="no token"):
        drive(connect, clients=2, seconds=0.01)
