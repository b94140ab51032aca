"""Load: who asked how often, and how long they waited."""

from __future__ import annotations

import math
import threading
import time

from client.load import Load, drive
from model_src.errors import InternalError


def test_percentiles_by_nearest_rank():
    load = Load(1, 10.0, [float(number) for number in range(1, 21)], ["failed"])
    assert [load.percentile(percent) for percent in (0, 50, 95, 99, 100)] == [1, 10, 19, 20, 20]
    assert load.per_second == 2.0
    assert load.as_json()["failed"] == 1


def test_without_an_answer_there_is_no_wait():
    load = Load(1, 1.0, [], [])
    assert math.isnan(load.percentile(50))
    assert load.as_json()["p50"] is None


def test_so_many_clients_ask_at_the_same_time_and_every_answer_counts():
    together = threading.Barrier(3)  # a third client must be there, or it breaks
    asked = []

    def connect():
        def ask():
            asked.append(threading.get_ident())
            together.wait(timeout=5)
            time.sleep(0.05)

        return ask

    load = drive(connect, 3, 0.02)
    assert len(set(asked)) == 3
    assert len(load.waits) == 3
    assert min(load.waits) >= 0.05
    assert load.seconds >= 0.05  # the time until the last answer


def test_failures_are_counted_and_kept_apart():
    def connect():
        def ask():
            raise InternalError("no")

        return ask

    load = drive(connect, 1, 0.15)
    assert load.waits == []
    assert 1 <= len(load.failures) <= 2  # a pause follows each
    assert load.failures[0] == "InternalError: no"
