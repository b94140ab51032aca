"""The soak's line through memory, and what it takes for a failure."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest
from requests import Response

from benchmarks.soak import Known, Traffic, is_full, slope
from client.refusals import response_error
from client.tokens import TokenSource
from launcher.server import Server
from model_src.errors import Overloaded


def test_a_steady_rise_is_found_after_the_first_third():
    # 3 MB a minute from the 10th sample on; what comes before is warm-up
    memory = [{"seconds": 60.0 * i, "mb": 1000.0 + (3 * i if i >= 10 else -500)} for i in range(30)]
    found = slope(memory, "mb")
    assert found.per_minute == pytest.approx(3)
    assert found.half_width == pytest.approx(0, abs=1e-6)
    assert found.growth == pytest.approx(3 * 19 / found.mean)


def test_noise_without_a_rise_has_zero_in_its_interval():
    memory = [{"seconds": 2.0 * i, "mb": 1000.0 + (-1) ** i} for i in range(300)]
    found = slope(memory, "mb")
    assert abs(found.per_minute) < found.half_width
    assert abs(found.growth) < 0.001


RIGHT = {"label": "Healthy", "probabilities": {"Healthy": 1.0}}


def soak(client) -> Traffic:
    """Traffic on a server whose clients are this one, for a moment."""
    traffic = Traffic([Known(b"image", "Healthy", {"Healthy": 1.0})])
    server = SimpleNamespace(client=lambda: client, process=SimpleNamespace(pid=1))
    for number, job in enumerate((traffic._predict, traffic._explain)):
        traffic._client(job, cast(Server, server), number, time.monotonic() + 0.05)
    return traffic


def answering(predict, explain) -> SimpleNamespace:
    return SimpleNamespace(predict=predict, explain=explain)


def explained(image, method, **_):
    return {**RIGHT, "method": method, "heatmap": [[0.0, 1.0]]}


def test_right_answers_are_good():
    assert soak(answering(lambda image: RIGHT, explained)).good()


def test_a_client_that_meets_what_it_should_not_fails_the_soak():
    def broken(image):
        raise KeyError("label")

    traffic = soak(answering(broken, explained))
    assert not traffic.good()
    assert traffic.unexplained[0].startswith("KeyError")


def test_without_an_explanation_it_is_not_good():
    def full(image, **_):
        raise Overloaded("the server could not answer (503: no worker): see its logs")

    traffic = soak(answering(lambda image: RIGHT, full))
    assert traffic.unexplained == []
    assert not traffic.good()


def refused(status: int, kind: str, message: str) -> Exception:
    """What the client makes of TorchServe's own error."""
    response = Response()
    response.status_code = status
    return response_error(response, kind, message, "http://127.0.0.1:8080", TokenSource())


def test_a_full_queue_is_explained_and_a_dead_worker_is_not():
    assert is_full(refused(503, "ServiceUnavailableException", "no worker is free"))
    assert not is_full(refused(500, "InternalServerException", "Worker died."))
