"""The few lines of TorchServe's output that say why something failed."""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import IO

# TorchServe would go on for minutes after these, trying the same again; whoever waits is better told at once.
_FATAL = re.compile(r'Load model failed|Failed to load model|Failed to register|Exception in thread "main"')
# "2026-01-01T00:00:00,000 [INFO ] W-9000-coronet_1.0-stdout MODEL_LOG - text"
_LOG_LINE = re.compile(r"^\S+ \[(?P<level>\w+) *\] \S+ (?P<logger>\S+) - (?P<text>.*)$")
_EXCEPTION = re.compile(r"^(Caused by: |Exception in thread \S+ )?[\w.]*(Error|Exception|Exit)\b")


class ServerLog:
    """Reads a server's output in a thread of its own, keeps its last lines, and notices a failed start.

    The server writes its log files itself; but somebody has to read, or it would block on a full pipe.
    """

    def __init__(self, output: IO[str]) -> None:
        self.failed = threading.Event()  # set when the model has failed to load
        self._lines: deque[str] = deque(maxlen=1000)
        self._thread = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._thread.start()

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                if "ACCESS_LOG" in line:  # mostly whoever waits for the server
                    continue
                self._lines.append(line.rstrip())
                if _FATAL.search(line):
                    self.failed.set()

    def reasons(self, count: int = 4) -> list[str]:
        """The last `count` different messages that look like a cause, or the last lines when none does."""
        self._thread.join(timeout=1.0)  # the last lines of a server that has just ended
        lines = list(self._lines)
        causes = dict.fromkeys(cause for cause in map(_cause, lines) if cause)
        return list(causes)[-count:] or lines[-count:]


def _cause(line: str) -> str | None:
    """The message of a line that tells of an error, else None."""
    parts = _LOG_LINE.match(line)
    text = parts["text"] if parts else line
    told = parts is not None and (parts["level"] == "ERROR" or (parts["level"] == "WARN" and _FATAL.search(text)))
    # A worker's Python traceback arrives line by line; its last line names the error. Java's
    # InterruptedException follows whenever a worker ends and says nothing.
    named = _EXCEPTION.match(text) and "InterruptedException" not in text
    return text.strip() if told or named else None
