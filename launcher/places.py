"""Where a server keeps its files: a temporary directory for sockets and the unpacked archive, a state directory.

/tmp/coronet-serve-XXXX/                            while it runs
$XDG_STATE_HOME/coronet/serve-PORT/ (client.tokens) keys, logs and the record by which callers find it
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model_src.errors import ServerError

# A socket's path may have 107 bytes at most: longer temporary directories of a user's own would not do.
_BASE = Path("/tmp")
_PREFIX = "coronet-serve-"
_JUST_MADE = 60.0  # seconds in which a directory may not have been locked yet


@contextmanager
def temporary_directory(base: Path = _BASE) -> Iterator[Path]:
    """A directory of this server's own: a second server would take the first one's pid file and sockets.

    What servers left there that were killed is removed first.

    Raises:
        ServerError: there is no room or no permission for it.
    """
    _sweep(base)
    try:
        directory = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=base, ignore_cleanup_errors=True)
    except OSError as error:
        raise ServerError(
            f"no directory can be made in {base} ({error.strerror}), need one for the server's sockets: free some "
            "room, or allow it"
        ) from None
    with directory as name, locked(Path(name)):  # systemd's cleaner of /tmp leaves alone what is locked
        yield Path(name)


def _sweep(base: Path) -> None:
    """Remove directories of servers of this user that have ended without doing so, as after SIGKILL."""
    for directory in base.glob(f"{_PREFIX}*"):
        with suppress(OSError, ServerError):
            found = directory.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > _JUST_MADE:
                with locked(directory):
                    shutil.rmtree(directory, ignore_errors=True)


def refuse_noexec(directory: Path, *, unix_socket: bool) -> None:
    """Say before the start what would fail in it.

    TorchServe's listener for unix sockets is native code, which Java unpacks into the temporary directory.

    Raises:
        ServerError: it is mounted noexec, and management would listen on a unix socket.
    """
    if unix_socket and os.statvfs(directory).f_flag & os.ST_NOEXEC:
        raise ServerError(
            f"found {directory.parent} mounted noexec, where TorchServe cannot listen on a unix socket: give "
            "management a port with --management-port, or mount it without noexec"
        )


def make_state_directory(directory: Path) -> Path:
    """Make the state directory, readable by its user alone; its absolute path.

    Raises:
        ServerError: it cannot be made or written to.
    """
    try:
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)  # TorchServe makes the key file private only after writing it
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ServerError(
            f"{directory} cannot be written to ({error.strerror}), need a place for keys and logs: set XDG_STATE_HOME "
            "to a directory that only you can write to"
        ) from None
    return directory


def remove_files(files: Iterable[Path]) -> None:
    """Remove those that are there."""
    for file in files:
        file.unlink(missing_ok=True)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock on a directory inside.

    Raises:
        ServerError: another process has it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"another 'coronet serve' uses {directory}: choose another --port, or stop it") from None
        yield
    finally:
        os.close(descriptor)
