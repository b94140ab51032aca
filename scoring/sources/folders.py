"""A folder and everything below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from model_src.errors import DataError
from model_src.imaging.file_names import may_be_image
from scoring.film import Film

_FILE = "file://"


class FolderSource:
    """Files that may be images by their names (`coronet predict -r` has the same rule); hidden ones are left out.

    Links to files are followed, links to folders are not: films would come twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def films(self) -> Iterator[Film]:
        """Folder by folder, by name. Memory does not grow with the number of folders or films."""
        return _below(self._folder)


def _below(folder: Path) -> Iterator[Film]:
    try:
        with os.scandir(folder) as found:
            entries = sorted((each for each in found if not each.name.startswith(".")), key=lambda each: each.name)
    except OSError as error:
        raise DataError(f"{address_of(folder)}: cannot be listed: {error.strerror}; allow it, or name others") from None
    folders = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
    for each in entries:
        if each.is_file() and may_be_image(each.name):
            yield file_film(Path(each.path))
        elif each.is_symlink() and not each.is_dir() and may_be_image(each.name):  # leads nowhere: an error, told later
            yield Film(address_of(Path(each.path)))
    for name in folders:
        yield from _below(Path(name))


def file_film(path: Path) -> Film:
    """A local file as a film; without size where there is none."""
    try:
        found = path.stat()
    except OSError:
        return Film(address_of(path))
    return Film(address_of(path), found.st_size, found.st_mtime_ns)


def address_of(path: Path) -> str:
    """An absolute path as text; as a file URL where it is no UTF-8, which no column of text can hold."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (links stay as they are)
    text = str(absolute)
    try:
        text.encode()
    except UnicodeEncodeError:
        return absolute.as_uri()
    return text


def local_path(address: str) -> Path | None:
    """The path of an address of this machine; None for one elsewhere."""
    if address.startswith(_FILE):
        return Path(os.fsdecode(unquote_to_bytes(urlsplit(address).path)))
    return Path(address) if "://" not in address else None
