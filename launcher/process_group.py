"""Ending a server and everything it started, by process group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import psutil


def members(group: int) -> list[int]:
    """Process ids in process group `group`, without those that have ended and only wait to be reaped."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def stop_group(leader: subprocess.Popen[str], timeout: float) -> None:
    """End the process group that `leader` leads (it was started with start_new_session) and reap the leader.

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
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)
        time.sleep(0.1)
    leader.wait()
