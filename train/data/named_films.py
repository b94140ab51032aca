"""Films that a user names beside the labelled ones: a folder, or a text file with a path a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_src.errors import DataError
from train.data.files import images_below


def name_of(path: Path) -> str:
    """What the films of a folder or list are called."""
    return path.stem if path.is_file() else path.name


def named_films(option: str, path: Path, roots: Sequence[Path]) -> list[Path]:
    """The images of a folder, or of a list with a path a line, looked up in `roots` and beside the list.

    Raises:
        DataError: nothing there, or a listed file that no folder holds; the message begins with `option`.
    """
    if path.is_dir():
        found = images_below(path).images
    elif path.is_file():
        lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
        found = [_looked_up(option, line, [*roots, path.parent], path) for line in lines if line]
    else:
        raise DataError(f"{option}: {path} does not exist; need a folder of images, or a list with a path a line")
    if not found:
        raise DataError(f"{option}: {path} holds no image; need PNG, JPEG, WebP, TIFF or DICOM files")
    return found


def _looked_up(option: str, line: str, folders: Sequence[Path], where: Path) -> Path:
    found = next((folder / line for folder in folders if (folder / line).is_file()), None)
    if found is None:
        raise DataError(f"{option}: {where} names {line}, which is not there; give the folder with --roots")
    return found
