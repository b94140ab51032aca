"""Keys that are given to a server as files, read again when they change: what a mounted secret of Kubernetes is.

PATH is a directory in which every file holds one key, or a file with one key a line. All of them open the door, so a
new key can be known to every server before the first caller sends it. A key that is taken away stays good for some
time more: callers that read the same secret see the change later than we do.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from model_src.errors import ServerError

logger = logging.getLogger(__name__)

CURRENT = "current"  # the file of a directory whose key this machine's own commands send
SHORTEST = 16  # characters of a key
_MOST = 100  # keys, each of at most so many characters:
_LONGEST = 4096


def read_keys(path: Path) -> dict[str, str]:
    """Name -> key of everything in PATH: names of files, or line numbers.

    A secret is mounted as links into a hidden directory, which is exchanged in one step: hidden names are no keys.

    Raises:
        ServerError: nothing can be read there, there is no key, or one of them can be none.
    """
    try:
        if path.is_dir():
            files = [each for each in sorted(path.iterdir()) if not each.name.startswith(".") and each.is_file()]
            found = {each.name: _text(each) for each in files}
        else:
            found = {f"line {number}": line for number, line in enumerate(_text(path).splitlines(), 1) if line.strip()}
    except OSError as error:
        raise ServerError(
            f"keys: {path} cannot be read ({error.strerror}), need a directory with a key in each file, or a file "
            "with a key in each line"
        ) from None
    if not 0 < len(found) <= _MOST:
        raise ServerError(f"keys: found {len(found)} keys in {path}, need 1 to {_MOST}")
    return {name: _checked(key.strip(), f"{path}, {name}") for name, key in found.items()}


def own_key_file(path: Path) -> Path:
    """The file that this machine's own commands read their key from: `current`, else the first; PATH itself, if a file.

    Raises:
        ServerError: as `read_keys`.
    """
    names = read_keys(path)
    if not path.is_dir():
        return path
    return path / (CURRENT if CURRENT in names else next(iter(names)))


class FixedKey:
    """One key that was made at the start and stays."""

    def __init__(self, key: str) -> None:
        """Args: the key."""
        self._key = key.encode()

    def opens(self, key: str) -> bool:
        """Whether a key is it."""
        return hmac.compare_digest(key.encode("utf-8", "surrogateescape"), self._key)


class KeyRing:
    """The keys that are good now."""

    def __init__(self, path: Path, overlap: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Read PATH.

        Args:
            path: see the top of this file.
            overlap: seconds for which a key that is taken away stays good.
            clock: seconds.

        Raises:
            ServerError: as `read_keys`.
        """
        self._path = path
        self._overlap = overlap
        self._clock = clock
        self._keys = set(read_keys(path).values())
        self._leaving: dict[str, float] = {}  # key -> when it stops being good
        self._trouble = ""

    def refresh(self) -> None:
        """Read PATH again. What cannot be read, as in the middle of an exchange, changes nothing; the log says it."""
        try:
            keys = set(read_keys(self._path).values())
        except ServerError as error:
            if str(error) != self._trouble:
                logger.warning("%s: the keys read before stay good", error)
            self._trouble = str(error)
            return
        self._trouble = ""
        now = self._clock()
        gone = self._keys - keys
        if keys != self._keys:
            logger.info("keys: %d new, %d leave in %g s", len(keys - self._keys), len(gone), self._overlap)
        self._leaving = {key: ends for key, ends in self._leaving.items() if ends > now and key not in keys}
        self._leaving |= dict.fromkeys(gone, now + self._overlap)
        self._keys = keys

    def opens(self, key: str) -> bool:
        """Whether a key is good; takes the same time for each wrong one."""
        now = self._clock()
        good = [*self._keys, *(each for each, ends in self._leaving.items() if ends > now)]
        given = key.encode("utf-8", "surrogateescape")
        equal = [hmac.compare_digest(given, each.encode()) for each in good]  # all are compared
        return any(equal)


async def keep_fresh(keys: KeyRing, every: float = 1.0) -> None:
    """Read PATH again and again, until cancelled; `every` so many seconds."""
    while True:
        await asyncio.sleep(every)
        await asyncio.to_thread(keys.refresh)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ServerError(f"keys: {path} holds no text, need a key") from None


def _checked(key: str, where: str) -> str:
    """The key, if a header can carry it and nobody guesses it; messages never quote it."""
    if not key.isascii() or not key.isprintable() or " " in key or key.startswith(("{", "[")):
        raise ServerError(
            f"keys: {where}: found characters that no key has, need printable ASCII without spaces, "
            "and no brace or bracket at its beginning"
        )
    if not SHORTEST <= len(key) <= _LONGEST:
        raise ServerError(
            f"keys: {where}: found a key of {len(key)} characters, need {SHORTEST} to {_LONGEST}: make one with "
            "'openssl rand -hex 24'"
        )
    return key
