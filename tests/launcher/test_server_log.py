"""From a long log, the lines that say why."""

from __future__ import annotations

import io

import pytest

from launcher.server_log import ServerLog

WORKER = "2026-01-01T00:00:00,000 [INFO ] W-9000-coronet_1.0-stdout MODEL_LOG - "
JAVA = "2026-01-01T00:00:00,000 [{}] W-9000-coronet_1.0 org.pytorch.serve.wlm.WorkerThread - "


def log_of(lines: list[str]) -> ServerLog:
    """The log of a server that prints `lines` and ends."""
    return ServerLog(io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_worker_that_cannot_load_the_model():
    attempt = [
        f"{WORKER}Traceback (most recent call last):",
        f'{WORKER}  File "coronet_handler.py", line 1, in initialize',
        f"{WORKER}model_src.errors.ArtefactError: tfen.pt does not match its digest",
        JAVA.format("DEBUG") + "Backend worker monitoring thread interrupted or backend worker process died.",
        "java.lang.InterruptedException: null",
        "\tat java.util.concurrent.ArrayBlockingQueue.poll(ArrayBlockingQueue.java:435)",
        JAVA.format("WARN ") + "Load model failed: coronet, error: Worker died.",
    ]
    log = log_of([f"{WORKER}loading", *attempt, *attempt])
    assert log.reasons() == [
        "model_src.errors.ArtefactError: tfen.pt does not match its digest",
        "Load model failed: coronet, error: Worker died.",
    ]
    assert log.failed.is_set()


def test_java_that_does_not_start():
    log = log_of(["Error: Could not find or load main class org.pytorch.serve.ModelServer", "Caused by: x.YError: z"])
    assert log.reasons()[-1] == "Caused by: x.YError: z"


def test_requests_are_no_reasons():
    request = '2026-01-01T00:00:00,000 [INFO ] epoll-1 ACCESS_LOG - /127.0.0.1:1 "GET /models/coronet HTTP/1.1" 200 0'
    assert log_of(["what happened", *[request] * 5]).reasons() == ["what happened"]


def test_errors_of_the_server_itself():
    log = log_of([JAVA.format("INFO ") + "fine", JAVA.format("ERROR") + "address in use"])
    assert log.reasons() == ["address in use"]
    assert not log.failed.is_set()


@pytest.mark.parametrize("count", [2, 10])
def test_without_a_cause_the_last_lines(count):
    lines = [f"line {number}" for number in range(5)]
    assert log_of(lines).reasons(count) == lines[-count:]
