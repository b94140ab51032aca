"""Files that fsspec can reach: s3://BUCKET/FOLDER, gs://..., sftp://..., whatever has a package installed for it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from typing import IO, Any

from model_src.errors import DataError
from model_src.imaging.file_names import may_be_image
from scoring.failures import SourceLost
from scoring.film import Film

# What file systems call the time of the last change.
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")


class AddressSource:
    """Everything below a URL, by the names that folders are read by."""

    def __init__(self, url: str) -> None:
        self._url = url

    def films(self) -> Iterator[Film]:
        """Folder by folder, by name."""
        system, path = file_system(self._url)
        with _told(self._url):
            for _, folders, files in system.walk(path, detail=True, on_error="raise"):
                for name in [name for name in folders if name.startswith(".")]:
                    del folders[name]
                for name in sorted(files):
                    if not name.startswith(".") and may_be_image(name):
                        info = files[name]
                        yield Film(system.unstrip_protocol(info["name"]), info.get("size"), modified(info))


def remote_film(url: str) -> Film:
    """One file; without size where there is none."""
    system, path = file_system(url)
    with _told(url):
        try:
            info = system.info(path)
        except FileNotFoundError:
            return Film(url)
        return Film(system.unstrip_protocol(info["name"]), info.get("size"), modified(info))


def is_file(url: str) -> bool:
    """Whether there is a file under a URL, and no folder.

    Raises:
        DataError: there is neither.
    """
    system, path = file_system(url)
    with _told(url):
        try:
            return bool(system.info(path)["type"] == "file")
        except FileNotFoundError:
            raise DataError(f"{url}: found nothing there, need a folder, a list or a tar of films") from None


def read_bytes(url: str, offset: int | None = None, size: int | None = None) -> bytes:
    """A file, or `size` bytes from `offset` on; raises what the file system raises."""
    system, path = file_system(url)
    if offset is None or size is None:
        return bytes(system.cat_file(path))
    return bytes(system.cat_file(path, start=offset, end=offset + size))


def open_file(url: str) -> AbstractContextManager[IO[bytes]]:
    """A file to be read from its beginning."""
    system, path = file_system(url)
    opened: AbstractContextManager[IO[bytes]] = system.open(path, "rb")
    return opened


def file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it.

    Raises:
        DataError: fsspec knows no such scheme, or needs a package for it that is not installed.
    """
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise DataError(f"{url}: {error}; for S3: pip install '.[s3]' in the project's folder") from None
    except ValueError as error:
        raise DataError(f"{url}: {error}; need a folder, a list, a tar, or a URL that fsspec can read") from None
    return system, posixpath.normpath(path) if path else path


def modified(info: dict[str, Any]) -> int | None:
    """Nanoseconds since 1970 of the last change, as a file system tells it."""
    value = next((info[name] for name in _TIMES if info.get(name) is not None), None)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return round(aware.timestamp() * 1_000_000) * 1_000
    return round(value * 1_000_000) * 1_000 if isinstance(value, int | float) else None


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Whatever a file system fails of is told in one line."""
    try:
        yield
    except (DataError, SourceLost):
        raise
    except FileNotFoundError:
        raise DataError(f"{url}: found nothing there, need a folder, a list or a tar of films") from None
    except PermissionError as error:
        raise DataError(f"{url}: may not be read ({error}); check the keys") from None
    except Exception as error:  # each file system has exceptions of its own
        raise SourceLost(f"{url} does not answer ({type(error).__name__}); check the address and the network") from None
