"""What the processes of one server tell each other, by files in a directory of their own, and the names they share.

Workers of TorchServe know nothing of one another. What they must agree on is small: whether explanations have workers
of their own, how many of the others explain just now, which explanations nobody waits for any more, and whether the
server is about to stop. Locks are flock's, which the system releases when a process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from model_src.time_limits import EXPLAIN_RESPONSE

# How many workers of each model `coronet serve` runs; they know only the archive's own numbers.
WORKERS_VARIABLES = {PREDICT_MODEL: "CORONET_WORKERS", EXPLAIN_MODEL: "CORONET_EXPLAIN_WORKERS"}

_PREFIX = "coronet-server-"
_ABANDONED = "abandoned-"
# Names kept at once: four times as many as requests can wait (job_queue_size in config.properties). A caller that sends
# more makes the server forget the oldest, and no more.
MOST_ABANDONED = 256


def is_request_name(name: object) -> bool:
    """Whether this is a name that a caller may give to a request: 32 hexadecimal digits, part of a file's name here."""
    return isinstance(name, str) and re.fullmatch(r"[0-9a-f]{32}", name) is not None


class ServerFiles:
    """The files in one server's directory, which is made when it is missing and is its user's alone."""

    def __init__(self, directory: Path) -> None:
        """Raises OSError when the directory cannot be made, PermissionError when it is another user's."""
        self.directory = directory
        self._make_directory()

    @classmethod
    def of_process(cls, pid: int) -> ServerFiles:
        """Those of the server whose process is `pid`, under the temporary directory.

        The time when the process started is in the name, since process ids come again.
        """
        return cls(Path(tempfile.gettempdir()) / _name(pid))

    @classmethod
    def remove_leftovers(cls) -> None:
        """Remove from the temporary directory what servers of this user left there whose process is gone.

        `coronet serve` takes its whole temporary directory away; plain TorchServe shares the machine's.
        """
        for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
            try:
                alive = directory.name == _name(int(pid))
            except (OSError, ValueError):
                alive = False
            if not alive:
                shutil.rmtree(directory, ignore_errors=True)  # another user's stays

    @classmethod
    def found_in(cls, temporary: Path) -> list[ServerFiles]:
        """Those of every server that uses the temporary directory."""
        return [cls(directory) for directory in temporary.glob(f"{_PREFIX}*")]

    def announce_explanations(self) -> None:
        """From now on EXPLAIN_MODEL takes explanations, also while its worker is being replaced."""
        (self.directory / "explanations").touch(mode=0o600)

    def has_explanations(self) -> bool:
        """Whether that was announced."""
        return (self.directory / "explanations").exists()

    @contextmanager
    def slot(self, slots: int) -> Iterator[bool]:
        """Hold one of so many slots inside; False when all are taken."""
        for number in range(slots):
            with self._lock(f"slot-{number}", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
                if held:
                    yield True
                    return
        yield False

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Count as busy inside; False when the server is stopping and nothing new is to be begun."""
        with self._lock("busy", fcntl.LOCK_SH):
            yield not (self.directory / "stopping").exists()

    def stop_working(self) -> None:
        """Begin nothing new from now on."""
        (self.directory / "stopping").touch(mode=0o600)

    def idle(self) -> bool:
        """Whether nobody is busy."""
        with self._lock("busy", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
            return held

    def abandon(self, name: str) -> None:
        """Nobody waits any more for the explanation that its caller has named so; see `is_request_name`."""
        said: list[tuple[float, Path]] = []
        for file in self.directory.glob(f"{_ABANDONED}*"):
            with suppress(OSError):  # another worker has removed it
                said.append((file.stat().st_mtime, file))
        said.sort()
        for number, (moment, file) in enumerate(said):  # the oldest first: of requests that are over, or never came
            if len(said) - number >= MOST_ABANDONED or time.time() - moment > EXPLAIN_RESPONSE:
                file.unlink(missing_ok=True)
        (self.directory / f"{_ABANDONED}{name}").touch(mode=0o600)

    def abandoned(self, name: str) -> bool:
        """Whether that was said."""
        return (self.directory / f"{_ABANDONED}{name}").exists()

    def _make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        found = self.directory.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o170077 != 0o040000:
            raise PermissionError(f"{self.directory}: is not a directory of this user alone")

    @contextmanager
    def _lock(self, name: str, operation: int) -> Iterator[bool]:
        """Hold a lock on a file inside; False when it could not be had at once. OSError as at the start."""
        self._make_directory()  # a cleaner of /tmp may have been there, and another user after it
        descriptor = os.open(self.directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, operation)
                held = True
            except BlockingIOError:
                held = False
            yield held
        finally:
            os.close(descriptor)


def _name(pid: int) -> str:
    """Of the directory of the server with this process; OSError when there is no such process."""
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{_PREFIX}{pid}-{started}"
