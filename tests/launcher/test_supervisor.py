"""A server ends with its owner, whatever the owner dies of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher.process_group import members

# As TorchServe's launcher: one child that does the work, and that is asked to end.
LAUNCHER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"])
child.wait()
sys.exit(3)
"""
YOUNG_LAUNCHER = "import time; print('ready', flush=True); time.sleep(60)"
OWNER = f"""
import subprocess, sys, time
supervisor = subprocess.Popen([sys.executable, "-m", "launcher.supervisor", sys.executable, "-c", {LAUNCHER!r}],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
print(supervisor.pid, supervisor.stdout.readline().strip(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def supervisor():
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher.supervisor", sys.executable, "-c", LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == "ready\n"
    assert len(members(process.pid)) == 3
    yield process
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def gone(group: int) -> bool:
    deadline = time.monotonic() + 10
    while members(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return members(group) == []


def test_closing_it_ends_the_server_in_good_order(supervisor):
    supervisor.stdin.close()
    assert supervisor.wait(10) == 3  # the launcher itself was not killed
    assert gone(supervisor.pid)


def test_a_server_that_has_started_nothing_yet_is_ended_itself():
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher.supervisor", sys.executable, "-c", YOUNG_LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == "ready\n"
    process.stdin.close()
    try:
        assert process.wait(10) == 256 - signal.SIGTERM  # as asked; after 20 s it would be killed
    finally:
        process.wait(40)
        process.stdout.close()


def test_a_server_that_ends_its_own_processes_is_asked_itself():
    launcher = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=os.setpgrp)  # as Ray's
def end(*_):
    alive = child.poll() is None
    child.kill()
    child.wait()
    sys.exit(5 if alive else 6)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher.supervisor", "--itself", sys.executable, "-c", launcher],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == "ready\n"
    assert len(members(process.pid)) == 3  # of other process groups too
    process.stdin.close()
    try:
        assert process.wait(10) == 5
        assert gone(process.pid)
    finally:
        process.wait(40)
        process.stdout.close()


def test_signals_are_the_owners_business(supervisor):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        supervisor.send_signal(number)
    time.sleep(0.3)
    assert len(members(supervisor.pid)) == 3


def test_an_owner_that_is_killed_takes_the_server_along():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    group, ready = owner.stdout.readline().split()
    assert ready == "ready"
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert gone(int(group))


def test_the_server_does_not_get_the_supervisors_module_path():
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "launcher.supervisor",
            sys.executable,
            "-c",
            "import os; print(os.environ.get('PYTHONPATH'))",
        ],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.PIPE,  # open as long as its owner lives
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout.readline() == "None\n"
        assert process.wait(20) == 0
