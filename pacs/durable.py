"""Files that survive a power cut once they are there: written whole, and on the disk before anybody is told so."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_durably(path: Path, content: bytes) -> None:
    """Write a file under its final name, readable by its user alone; an older one is replaced.

    Raises:
        OSError: the disk is full, among others. No file is left then, an older one stays.
    """
    temporary = _written(path, content)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_once(path: Path, content: bytes) -> bool:
    """Write a file unless there is one of that name; whether it was written."""
    temporary = _written(path, content)
    try:
        os.link(temporary, path)  # the one call that fails where there is a file already
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def move_durably(source: Path, target: Path) -> None:
    """Rename a file or folder, within one file system.

    Raises:
        OSError: among others, FileExistsError or ENOTEMPTY where `target` is a folder with something in it.
    """
    source.rename(target)
    sync_folder(target.parent)
    sync_folder(source.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """`write_durably` of a JSON object."""
    write_durably(path, json.dumps(value).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; {} where there is no such file, or no object in it."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _written(path: Path, content: bytes) -> Path:
    """A temporary file beside `path` with this content, on the disk."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
