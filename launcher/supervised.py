"""A server's command as a child of this process, under the supervisor that ends it however this process ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from launcher.packaged_files import ROOMS
from launcher.process_group import stop_group
from launcher.supervisor import ITSELF
from model_src.time_limits import STOP


@contextmanager
def supervised(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], *, itself: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run `command` inside the context; it and all that it has started are gone at the end.

    Args:
        command: the server's.
        directory: where it runs.
        environment: its own; a PYTHONPATH in it does not reach the server.
        itself: the process of the command is asked to end, not what it has started.

    Yields:
        The supervisor's process (launcher/supervisor.py), which leads a session of its own. Its output is the server's.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "launcher.supervisor", *([ITSELF] if itself else []), *command],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOMS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        cast(IO[str], process.stdin).close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP + 10)
        stop_group(process, STOP)  # in case somebody has killed the supervisor itself
