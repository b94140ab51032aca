"""A text file that names films, one a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from model_src.errors import DataError
from scoring.film import Film
from scoring.sources.folders import address_of, file_film, local_path

ENDINGS = (".txt", ".list")


class ListSource:
    """Lines of paths, relative to the list's own folder, or of URLs. Empty lines and lines that begin with # are none.

    Args:
        path: the list, UTF-8.
        remote: the film of a URL.
    """

    def __init__(self, path: Path, remote: Callable[[str], Film]) -> None:
        self._path = path
        self._remote = remote

    def films(self) -> Iterator[Film]:
        """In the order of the lines. What is not there is a film too: its row will say so."""
        try:
            with self._path.open(encoding="utf-8") as lines:
                for line in lines:
                    name = line.rstrip("\r\n")
                    if name.strip() and not name.startswith("#"):
                        yield self._film(name)
        except UnicodeDecodeError:
            raise DataError(f"{address_of(self._path)}: not a list: found bytes that are no UTF-8 text") from None
        except OSError as error:
            raise DataError(f"{address_of(self._path)}: cannot be read: {error.strerror}") from None

    def _film(self, name: str) -> Film:
        path = local_path(name)
        return self._remote(name) if path is None else file_film(self._path.parent / path)
