"""Ending a server and everything it started, by its session.

A server is started with a session of its own (start_new_session), which its processes cannot leave by accident. Its
process group would not do: Ray gives each worker one of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable

import psutil


def members(session: int) -> list[int]:
    """Process ids in `session`, without those that have ended and only wait to be reaped."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def kill(processes: Iterable[int]) -> None:
    """SIGKILL for those that are still there."""
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop_group(leader: subprocess.Popen[str], timeout: float) -> None:
    """End the session that `leader` leads (it was started with start_new_session) and reap the leader.

    The leader's children are asked first, because a server ends its own workers in good order; what is left
    after `timeout` seconds is killed.
    """
    try:
        children = psutil.Process(leader.pid).children() if leader.poll() is None else []
        for child in children:
            child.terminate()
        if not children:
            os.killpg(leader.pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass  # ended meanwhile
    deadline = time.monotonic() + timeout
    while members(leader.pid):
        leader.poll()
        if time.monotonic() > deadline:
            kill(members(leader.pid))
        time.sleep(0.1)
    leader.wait()
