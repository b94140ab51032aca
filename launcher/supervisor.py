"""Runs a server for as long as its owner lives: `python -m launcher.supervisor [--itself] COMMAND...`.

Standard input is a pipe whose other end the owner alone holds. When it closes, because the owner says so
or has died (SIGKILL leaves nobody time to clean up), the server is ended: in good order, then by force. This process
leads the session of all that the server starts, and ends last.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

from launcher.process_group import kill, members
from model_src.time_limits import STOP

ITSELF = "--itself"  # the process of the command is asked to end, not what it has started


def main(command: list[str]) -> int:
    """Run the command; returns its exit status."""
    itself = command[0] == ITSELF
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave_it_to_the_owner)
    # PYTHONPATH is how this process finds its own modules. The server's workers take theirs from the archive.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(command[itself:], stdin=subprocess.DEVNULL, env=environment)
    threading.Thread(target=_watch, args=(server, itself), daemon=True).start()
    status = server.wait()
    _end_the_rest()
    return status


def _leave_it_to_the_owner(*_: object) -> None:
    # A handler, because the server would inherit SIG_IGN.
    pass


def _watch(server: subprocess.Popen[bytes], itself: bool) -> None:
    """Wait until the owner closes standard input, then end the server.

    What TorchServe's launcher has started is asked, because that ends its own workers in good order; the launcher
    follows. In the first second there is only the launcher.
    """
    while os.read(sys.stdin.fileno(), 1024):  # not by sys.stdin, whose lock would abort this process at its end
        pass
    with contextlib.suppress(psutil.NoSuchProcess):
        launcher = psutil.Process(server.pid)
        for process in (not itself and launcher.children()) or [launcher]:
            process.terminate()
    _end_the_rest()


def _end_the_rest() -> None:
    """Wait until this process is the last of its session; when that takes too long, kill the others."""
    session = os.getsid(0)
    deadline = time.monotonic() + STOP
    while left := set(members(session)) - {os.getpid()}:
        if time.monotonic() > deadline:
            kill(left)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
