"""A film's bytes again, by its row of the manifest, and only if they are those of the manifest."""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from model_src.errors import CoroNetError
from pacs.film import Refused, read_uids
from scoring.failures import FilmChanged, FilmError, FilmRemoved, FilmUnreadable, SourceLost
from scoring.film import Film
from scoring.sources import addresses, pacs
from scoring.sources.folders import local_path
from scoring.sources.pacs import PacsAccess, PacsFilms

Result = TypeVar("Result")

WAITS = (1.0, 4.0, 15.0)  # seconds between tries of a source that does not answer
_GONE = (errno.ENOENT, errno.ENOTDIR)
_FILM_ITSELF = (errno.EACCES, errno.EPERM, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)


class FilmReader:
    """Reads films of all kinds of sources; may be used by several threads.

    Args:
        access: of a PACS.
        waits: seconds before each further try, when a source does not answer.
    """

    def __init__(self, access: PacsAccess, waits: Sequence[float] = WAITS) -> None:
        self._pacs = PacsFilms(access)
        self._waits = waits

    def read(self, film: Film) -> bytes:
        """The film's file, compared with what the manifest knows of it.

        Raises:
            FilmRemoved, FilmChanged, FilmUnreadable: it cannot be had, whoever asks.
            SourceLost: the source does not answer.
        """
        content = self._patiently(lambda: self._content(film))
        if film.identity is None:
            raise FilmChanged("could not be read when the manifest was made, and can be now")
        if film.identity != self._identity(film, content):
            raise FilmChanged("is another file than when the manifest was made")
        return content

    def sha256(self, film: Film) -> str | None:
        """The digest of a film as it is now; None for one that cannot be read. Raises SourceLost."""
        try:
            return digest(self._patiently(lambda: self._content(film)))
        except FilmError:
            return None

    def _content(self, film: Film) -> bytes:
        if film.address.startswith(pacs.PREFIX):
            return self._pacs.read(film.address)
        place = film.tar or film.address
        path = local_path(place)
        try:
            if path is None:
                return addresses.read_bytes(place, film.offset, film.size)
            return _local(path, film)
        except FileNotFoundError:
            raise FilmRemoved("is no longer there") from None
        except PermissionError:
            raise FilmUnreadable("may not be read") from None
        except OSError as error:
            raise _meaning(place, error) from None
        except CoroNetError:
            raise
        except Exception as error:  # each file system of fsspec has exceptions of its own
            raise SourceLost(f"{place} cannot be read ({type(error).__name__})") from None

    def _identity(self, film: Film, content: bytes) -> str | None:
        """What the manifest would say of the film now, in the way that it does."""
        kind = str(film.identity).partition(":")[0]
        if kind == "sha256":
            return f"sha256:{digest(content)}"
        if kind == "uid":
            return f"uid:{sop_instance_uid(content)}"
        return stat_identity(Film(film.address, len(content), self._modified(film)))

    def _modified(self, film: Film) -> int | None:
        place = film.tar or film.address
        path = local_path(place)
        if path is not None:
            return path.stat().st_mtime_ns
        return self._patiently(lambda: addresses.remote_film(place)).modified

    def _patiently(self, action: Callable[[], Result]) -> Result:
        for wait in self._waits:
            try:
                return action()
            except SourceLost:
                time.sleep(wait)
        return action()


def digest(content: bytes) -> str:
    """SHA-256 as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def stat_identity(film: Film) -> str | None:
    """A film's identity by size and time of change; None for one that is not there."""
    return None if film.size is None else f"stat:{film.size}:{film.modified}"


def sop_instance_uid(content: bytes) -> str | None:
    """Of a DICOM file; None for any other, or one without."""
    try:
        return read_uids(content)["SOPInstanceUID"] or None
    except Refused:
        return None


def _local(path: Path, film: Film) -> bytes:
    if film.offset is None or film.size is None:
        return path.read_bytes()
    with path.open("rb") as file:
        file.seek(film.offset)
        return file.read(film.size)


def _meaning(place: str, error: OSError) -> CoroNetError:
    if error.errno in _GONE:
        return FilmRemoved("is no longer there")
    if error.errno in _FILM_ITSELF:
        return FilmUnreadable(f"cannot be read: {error.strerror}")
    return SourceLost(f"{place} cannot be read: {error.strerror or error}")
