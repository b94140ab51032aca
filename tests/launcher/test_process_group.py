"""A process group ends whole, even when its members do not want to."""

from __future__ import annotations

import subprocess
import sys
import time

from launcher.process_group import members, stop_group

# A leader with one child, as TorchServe's launcher has the Java server. It tells when the child is ready.
LEADER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), end="", flush=True)
child.wait()
"""
OBEDIENT = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


def start(child: str) -> subprocess.Popen[str]:
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, child], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert leader.stdout.readline() == "ready\n"
    assert len(members(leader.pid)) == 2
    return leader


def test_the_children_are_asked_and_the_leader_ends_by_itself():
    leader = start(OBEDIENT)
    stop_group(leader, timeout=20)
    assert members(leader.pid) == []
    assert leader.returncode == 0
    leader.stdout.close()


def test_what_does_not_end_is_killed():
    leader = start(STUBBORN)
    before = time.monotonic()
    stop_group(leader, timeout=0.3)
    assert members(leader.pid) == []
    assert time.monotonic() - before < 10
    leader.stdout.close()


def test_a_group_that_has_ended():
    leader = subprocess.Popen([sys.executable, "-c", ""], text=True, start_new_session=True)
    leader.wait()
    stop_group(leader, timeout=1)
    assert leader.returncode == 0
