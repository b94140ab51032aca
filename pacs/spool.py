"""The queue on disk. A film's state is the folder that it lies in, and one rename takes it from one to the next.

    SPOOL/incoming/...      being written; what is left there after a crash was never promised to anybody
    SPOOL/waiting/KEY/      film.dcm, task.json, and results/ once the server has answered
    SPOOL/failed/KEY/       the same, with why.txt: one line
    SPOOL/done/KEY.json     when; film and results are gone
    SPOOL/leaving/...       being deleted
    SPOOL/reports/..., SPOOL/verdicts/...   see known_reports.py

KEY is a hash of the film's SOP Instance UID: the same film has the same key, and a name of a file or a line of a log
tells nothing of a patient. A film is on the disk before its sender is told so (fsync of file and folder). Everything
is readable by its user alone.

One process has a spool at a time. Another may rename `failed/KEY` to `waiting/KEY`, which is what `coronet pacs retry`
does.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

from model_src.errors import ServerError
from pacs.durable import move_durably, read_json, sync_folder, write_durably, write_json

Arrival = Literal["new", "waiting", "done", "again"]
FOLDERS = ("incoming", "waiting", "failed", "done", "leaving", "reports", "verdicts")
_FILM, _TASK, _WHY, _RESULTS = "film.dcm", "task.json", "why.txt", "results"


def key_of(uid: str) -> str:
    """32 hexadecimal digits for a SOP Instance UID."""
    return sha256(uid.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Task:
    """What is known of a film that waits.

    Attributes:
        arrived: when it came; seconds since 1970, as `not_before`.
        tries: how many have failed.
        suspect: of these, how many the film itself may have caused.
        not_before: when the next one is due.
        why: what the last one failed of; one line, "" before it.
        sent: names of the targets that have everything.
    """

    arrived: float
    tries: int = 0
    suspect: int = 0
    not_before: float = 0.0
    why: str = ""
    sent: tuple[str, ...] = ()


class Spool:
    """The queue in the folder `root`, for the process that works on it.

    Args:
        root: made if it is not there.
        keep_free: bytes that stay free on its disk: results of the films that wait need room too.

    Raises:
        ServerError: another process has it.
        OSError: it cannot be written.
    """

    def __init__(self, root: Path, keep_free: int = 0) -> None:
        self.root = root
        self._keep_free = keep_free
        make_folders(root)
        self._owner = take_lock(root)
        self._moving = threading.Lock()  # a film that comes again while it is finished is either waiting or done
        for left in (*self._folder("incoming").iterdir(), *self._folder("leaving").iterdir()):
            shutil.rmtree(left, ignore_errors=True)
        for key in self.waiting():
            if self._done(key).exists():  # stopped between the two steps of `finish`
                self._discard(key)

    def close(self) -> None:
        """Let another process have it."""
        self._owner.close()

    def add(self, key: str, film: bytes) -> Arrival:
        """Take a film; on return it is on the disk.

        Returns:
            "new"; "waiting" or "done" for one that is here already; "again" for one that had failed and gets new tries.

        Raises:
            OSError: no room.
        """
        if shutil.disk_usage(self.root).free < self._keep_free + len(film):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        folder = Path(tempfile.mkdtemp(dir=self._folder("incoming")))
        try:
            write_durably(folder / _FILM, film)
            write_json(folder / _TASK, asdict(Task(arrived=time.time())))
            with self._moving:
                if self._done(key).exists():
                    return "done"
                if self._waiting(key).exists():
                    return "waiting"
                if retry(self.root, key):
                    return "again"
                move_durably(folder, self._waiting(key))
                return "new"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def waiting(self) -> list[str]:
        """The keys of all films that wait, in no order."""
        return keys_in(self.root, "waiting")

    def task(self, key: str) -> Task | None:
        """What is known of a waiting film; None when it waits no longer."""
        try:
            return read_task(self._waiting(key))
        except FileNotFoundError:
            return None

    def save(self, key: str, task: Task) -> None:
        """Remember what is known now of a waiting film."""
        write_json(self._waiting(key) / _TASK, asdict(task))

    def film(self, key: str) -> bytes:
        """The file of a waiting film."""
        return (self._waiting(key) / _FILM).read_bytes()

    def results(self, key: str) -> dict[str, bytes]:
        """The result objects of a waiting film by name; {} before there are any."""
        folder = self._waiting(key) / _RESULTS
        if not folder.is_dir():
            return {}
        return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.dcm"))}

    def keep_results(self, key: str, results: Mapping[str, bytes]) -> None:
        """Put result objects beside a waiting film: all or none."""
        folder = Path(tempfile.mkdtemp(dir=self._folder("incoming")))
        try:
            for name, content in results.items():
                write_durably(folder / f"{name}.dcm", content)
            move_durably(folder, self._waiting(key) / _RESULTS)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self, key: str, arrived: float) -> None:
        """The results are where they belong: remember that, and delete film and results."""
        with self._moving:
            write_json(self._done(key), {"arrived": round(arrived, 3), "finished": round(time.time(), 3)})
            self._discard(key)

    def fail(self, key: str, why: str) -> None:
        """Put a waiting film into failed/, with one line that says why."""
        line = " ".join(why.split())
        write_durably(self._waiting(key) / _WHY, f"{line}\n".encode())
        with self._moving:
            move_durably(self._waiting(key), self.root / "failed" / key)

    def forget(self, days: float) -> None:
        """Forget films and reports that were done so long ago. Such a film may come again as a new one."""
        before = time.time() - days * 86_400
        for path in (*self._folder("done").iterdir(), *self._folder("reports").iterdir()):
            with suppress(FileNotFoundError):  # a file that is being written changes its name
                if path.stat().st_mtime < before:
                    path.unlink()

    def _discard(self, key: str) -> None:
        leaving = Path(tempfile.mkdtemp(dir=self._folder("leaving")))
        move_durably(self._waiting(key), leaving / key)
        shutil.rmtree(leaving, ignore_errors=True)

    def _folder(self, name: str) -> Path:
        return self.root / name

    def _waiting(self, key: str) -> Path:
        return self.root / "waiting" / key

    def _done(self, key: str) -> Path:
        return self.root / "done" / f"{key}.json"


def make_folders(root: Path) -> None:
    """The folders of a spool, for its user alone."""
    for folder in (root, *(root / name for name in FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sync_folder(root)


def take_lock(root: Path) -> IO[str]:
    """A file to be kept open: its lock, and the spool, are this process's until it is closed, or the process ends.

    Raises:
        ServerError: another process has it.
    """
    file = (root / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ServerError(f"{root}: another 'coronet pacs' works on this spool: stop it, or name another") from None
    return file


def keys_in(root: Path, state: Literal["waiting", "failed", "done"]) -> list[str]:
    """The keys of the films in a state, in no order."""
    return [entry.name.removesuffix(".json") for entry in os.scandir(root / state) if not entry.name.startswith(".")]


def read_task(folder: Path) -> Task:
    """What task.json in a film's folder says; of one that cannot be read, that it came when the folder was made.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    found = read_json(folder / _TASK)
    try:
        return Task(**{**found, "sent": tuple(found["sent"])})
    except (TypeError, KeyError):
        return Task(arrived=folder.stat().st_mtime)


def read_why(folder: Path) -> str:
    """Why a film in failed/ is there."""
    try:
        return (folder / _WHY).read_text().strip()
    except OSError:
        return "unknown"


def retry(root: Path, key: str) -> bool:
    """Give a failed film new tries; False when there is none of that key."""
    folder = root / "failed" / key
    if not folder.is_dir():
        return False
    write_json(folder / _TASK, asdict(replace(read_task(folder), tries=0, suspect=0, not_before=0.0)))
    move_durably(folder, root / "waiting" / key)
    return True
