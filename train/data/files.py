"""Where image files are: below a folder, or under the names that a list gives."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SPLIT_FOLDERS = {"train": ("train",), "validation": ("val", "validation"), "test": ("test",)}
_NOT_IMAGES = {".txt", ".csv", ".tsv", ".json", ".md", ".xml", ".html", ".pdf", ".db", ".ini", ".zip", ".gz", ".xlsx"}
_MASK_FOLDERS = {"mask", "masks"}
MASKS = "masks, not X-rays"


@dataclass
class Below:
    """What lies below a folder: images in the order of their names, and why -> the rest that might be missed."""

    images: list[Path] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def images_below(folder: Path) -> Below:
    """Every visible file below `folder`, through links to folders too, except text, tables, archives and masks."""
    found = Below()
    seen: set[str] = set()

    def unlisted(error: OSError) -> None:
        found.left_out["folders that cannot be read"].append(str(error.filename))

    for place, folders, files in os.walk(folder, onerror=unlisted, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link back up, or a second one to the same folder
            found.left_out["links to a folder that is read already"].append(place)
            folders.clear()
            continue
        seen.add(real)
        for name in [name for name in folders if name.lower() in _MASK_FOLDERS]:
            found.left_out[MASKS] += [str(path) for path in files_below(Path(place, name))]
        folders[:] = [name for name in folders if not name.startswith(".") and name.lower() not in _MASK_FOLDERS]
        for name in files:
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() in _NOT_IMAGES:
                continue
            if path.is_file():
                found.images.append(path)
            elif path.is_symlink():
                found.left_out["links that lead nowhere"].append(str(path))
    found.images.sort()
    return found


def files_below(folder: Path) -> list[Path]:
    """Every file, of a folder that is counted and not read."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


class Finder:
    """Looks paths up in the roots and in their split sub-folders, this split's own first."""

    def __init__(self, roots: Iterable[Path], split: str) -> None:
        order = (split, *(other for other in SPLIT_FOLDERS if other != split))
        names = ("", *(name for key in order for name in SPLIT_FOLDERS[key]))
        places = [root / name for root in roots for name in names]
        self._folders = [folder for folder in places if folder.is_dir()]

    def find(self, path: str) -> Path:
        """The first existing candidate, or, when there is none, the first place where it could have been.

        A path that was written on Windows is tried with its backslashes as slashes.
        """
        return self.existing(path) or self._folders[0] / path.replace("\\", "/")

    def existing(self, path: str) -> Path | None:
        """The first existing candidate."""
        for spelling in dict.fromkeys((path, path.replace("\\", "/"))):
            for folder in self._folders:
                if os.path.isfile(folder / spelling):  # noqa: PTH113 (a name too long for a file is none)
                    return folder / spelling
        return None


class NameIndex:
    """Finds files by name alone, wherever they lie below the roots: how large collections are unpacked varies."""

    def __init__(self, roots: Iterable[Path], endings: tuple[str, ...]) -> None:
        self._roots = list(roots)
        self._paths: dict[str, Path] = {}
        for root in self._roots:
            for path in images_below(root).images:
                if path.suffix.lower() in endings:
                    self._paths.setdefault(path.name, path)

    def find(self, *names: str) -> Path:
        """The file of the first of `names` that is there; when none is, where the first could have been."""
        return next((self._paths[name] for name in names if name in self._paths), self._roots[0] / names[0])


def below_first(path: Path, folders: Sequence[Path]) -> str:
    """`path` below the first of `folders` that holds it, else its name: the same wherever the folders lie."""
    folder = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
    return path.relative_to(folder).as_posix()
