"""Damaged images and odd fields against the handler's own code: answered with 200 or 4xx, soon, in little memory."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from handlers.limits import Limits
from handlers.measurements import Measurements
from handlers.sent_as import SentAs
from handlers.service import Request, respond
from inference.predictor import Predictor
from tests.fuzz.cases import case
from tests.fuzz.files import sound_files

SECONDS = 2.0
EXPLAINED_SECONDS = 20.0  # what is answered with an explanation takes some 50 passes of a 64-pixel network
MEGABYTES = 1024
STATUSES = {200, 400, 413, 415}


@pytest.fixture(scope="module")
def predictor(artefact_dir):
    """The network with random weights, on one thread: two that wait for each other on busy cores take a minute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Predictor(artefact_dir)
    torch.set_num_threads(threads)


def attack(predictor, numbers):
    """Answer these cases one by one; returns how many got which status and error type, or reached which step."""
    limits = Limits()
    reset_peak()
    idle = peak_mb()
    found: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    slowest, explained = (0.0, -1), (0.0, -1)
    for number in numbers:
        asked = case(number)
        measured = Measurements()
        begun = time.perf_counter()
        (response,) = respond(
            predictor, limits, [Request(asked.row, asked.explain, SentAs(asked.content_type))], measured
        )
        took = (time.perf_counter() - begun, number)
        if measured.explanation_seconds:
            explained = max(explained, took)
        else:
            slowest = max(slowest, took)
        reached.update(measured.seconds.keys())
        reached["explained"] += asked.explain and response.status == 200
        kind = ""
        if response.status != 200:
            told = json.loads(response.body)
            kind = told["type"]
            assert told["code"] == response.status, number
            assert told["message"], number
        assert response.status in STATUSES, f"case {number}: {response.body[:300]!r}"
        found[f"{response.status} {kind}".strip()] += 1
    most = peak_mb() - idle
    print(
        f"\n{sum(found.values())} inputs: {dict(found)}; reached {dict(reached)}; slowest {slowest[0]:.2f} s, "
        f"explained {explained[0]:.2f} s; at most {most:.0f} MB above idle"
    )
    assert slowest[0] < SECONDS, f"case {slowest[1]}"
    assert explained[0] < EXPLAINED_SECONDS, f"case {explained[1]}"
    assert most < MEGABYTES
    # the attack is not spent on what is refused at the door
    assert reached["decode"] > 0.6 * len(numbers)
    assert reached["chain"] > 0.15 * len(numbers)
    assert reached["explained"] > 0.03 * len(numbers)
    return found


def reset_peak() -> None:
    """Begin to look for the peak of resident memory anew: tests before this one had theirs."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The most memory that was resident since `reset_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e3


@pytest.mark.parametrize("name", sound_files())
def test_what_is_damaged_was_sound(predictor, name):
    """Else every case with that file would end at the same check."""
    (response,) = respond(predictor, Limits(), [Request({"body": sound_files()[name]}, explain=False)])
    assert response.status == 200, response.body


def test_a_few_hundred(predictor):
    found = attack(predictor, range(400))
    assert {"200", "400 InvalidImage", "400 InvalidRequest"} <= found.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand(predictor):
    attack(predictor, range(400, 10_400))
