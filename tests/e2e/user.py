"""Somebody at a terminal: types commands, has a state directory of their own and Java on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from launcher.java import find_java

CORONET = Path(sys.executable).parent / "coronet"
START_SECONDS = 180
STOP_SECONDS = 40


class User:
    """Runs commands; what is still running is ended by `leave`."""

    def __init__(self, home: Path) -> None:
        self.state = home / "state"
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(self.state),
            "PATH": f"{Path(sys.executable).parent}:{find_java().executable.parent}:{os.environ['PATH']}",
        }
        self._started: list[subprocess.Popen[str]] = []

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """A `coronet` command from start to end."""
        command = [str(word) for word in (CORONET, *words)]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )

    def start(self, *words: object) -> subprocess.Popen[str]:
        """A `coronet` command that goes on; its output is in .stdout."""
        process = subprocess.Popen(
            [str(word) for word in (CORONET, *words)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def serve(self, *options: object) -> tuple[subprocess.Popen[str], list[str]]:
        """`coronet serve`, and the lines that it printed until it was ready."""
        process = self.start("serve", *options)
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        assert process.poll() is None, "".join(lines)
        return process, lines

    def leave(self) -> None:
        """Interrupt whatever still runs, then kill it."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.communicate()
