"""What people drew on films: boxes around opacities from a table, lungs from a folder of masks.

Boxes are in pixels of the film as it lies, upright, at its own size. The network sees the whole film squashed to a
square (model_src/imaging/xray.py), so a box is brought there by scaling each axis by itself: nothing is cropped and
nothing is padded.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_src.errors import DataError, RequestError
from model_src.imaging.formats import read_image
from model_src.imaging.xray import Xray, resize_pixels

BOX_COLUMNS = ("path", "x", "y", "width", "height")
MASK_ENDING = ".png"
_ROUNDING = 0.01  # pixels by which a box may pass an edge: files hold rounded numbers


@dataclass(frozen=True)
class Box:
    """A rectangle on a film, in its own pixels: the left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def overlap(self, other: Box) -> float:
        """Intersection over union of two boxes, in [0, 1]."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        if across <= 0 or down <= 0:
            return 0.0
        both = across * down
        return both / (self.width * self.height + other.width * other.height - both)


def read_boxes(table: Path, roots: Sequence[Path]) -> dict[Path, list[Box]]:
    """The boxes of each film, by its resolved path; paths are looked up beside the table, then in `roots`.

    Raises:
        DataError: the table cannot be read, has other columns or no row, a number that is none, a box without area
            or left of or above the film, or a path that is no file; one line that names the row.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), strict=True))
    except FileNotFoundError:
        raise DataError(f"{table}: not found; need a CSV with the columns {','.join(BOX_COLUMNS)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read ({error}); need a CSV in UTF-8") from error
    found = list(rows[0]) if rows else text.splitlines()[0].split(",") if text.strip() else []
    if set(BOX_COLUMNS) - set(found):
        listed = ", ".join(map(str, found)) or "none"
        raise DataError(f"{table}: found the columns {listed[:80]}, need {', '.join(BOX_COLUMNS)}")
    if not rows:
        raise DataError(f"{table}: holds no box; need at least one row below the columns")
    folders = list(dict.fromkeys([table.parent, *roots]))
    resolved: dict[str, Path] = {}
    boxes: dict[Path, list[Box]] = {}
    for number, row in enumerate(rows, start=2):
        where, name = f"{table}, row {number}", row["path"] or ""
        if name not in resolved:
            resolved[name] = _film(name, folders, where)
        boxes.setdefault(resolved[name], []).append(_box(row, where))
    return boxes


def _film(name: str, folders: Sequence[Path], where: str) -> Path:
    for folder in folders:
        try:
            if name and (folder / name).is_file():
                return (folder / name).resolve()
        except (OSError, ValueError):  # too long for a file's name, or with a zero in it
            break
    raise DataError(
        f"{where}: a box for {name[:80]!r}, which is no film of {', '.join(map(str, folders))}; "
        "correct or remove the row"
    )


def _box(row: Mapping[str, str | None], where: str) -> Box:
    values = []
    for column in BOX_COLUMNS[1:]:
        try:
            value = float(row[column] or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{where}: found {column} {row[column]!r}, need a number of pixels")
        values.append(value)
    box = Box(*values)
    if box.width <= 0 or box.height <= 0:
        raise DataError(f"{where}: found a box of {box.width:g} x {box.height:g} pixels, need more than 0 each way")
    return box


def box_region(boxes: Sequence[Box], width: int, height: int, size: int, film: str) -> np.ndarray:
    """The boxes of a film of `width` x `height` pixels on the network's square: bool (size, size).

    A pixel belongs to a box that holds its centre; a box between centres gets the pixel that it lies in.

    Raises:
        DataError: a box lies outside the film.
    """
    region = np.zeros((size, size), dtype=bool)
    for box in boxes:
        reach = max(-box.x, -box.y, box.right - width, box.bottom - height)
        if reach > _ROUNDING:
            raise DataError(
                f"{film}: a box from ({box.x:g}, {box.y:g}) to ({box.right:g}, {box.bottom:g}) lies outside the film "
                f"of {width} x {height} pixels; boxes are in pixels of the film as it lies"
            )
        rows = _covered(box.y * size / height, box.bottom * size / height, size)
        columns = _covered(box.x * size / width, box.right * size / width, size)
        region[rows, columns] = True
    return region


def _covered(start: float, end: float, size: int) -> slice:
    """The pixels whose centres lie in [start, end), at least one."""
    first = min(max(0, math.ceil(start - 0.5)), size - 1)
    return slice(first, max(first + 1, min(size, math.ceil(end - 0.5))))


def find_masks(folder: Path, films: Sequence[Path], roots: Sequence[Path]) -> dict[Path, Path]:
    """The mask of each film that has one, by the film's resolved path.

    Args:
        folder: of the masks: each lies at its film's path below a root, ending in .png.
        films: all that may have one.
        roots: the data directories.

    Raises:
        DataError: there is no such folder, or it has no mask of any of these films.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; need one with a mask at each film's path, ending in {MASK_ENDING}")
    masks = {
        film.resolve(): (folder / film.relative_to(root)).with_suffix(MASK_ENDING)
        for film in films
        for root in roots
        if film.is_relative_to(root)
    }
    found = {film: mask for film, mask in masks.items() if mask.is_file()}
    if not found:
        example = next(iter(masks.values()), folder / f"FILM{MASK_ENDING}")
        raise DataError(
            f"{folder}: holds no mask of any of the {len(films)} films; need one at each film's path below its data "
            f"directory, such as {example}"
        )
    return found


def lung_region(mask: Path, width: int, height: int, size: int) -> np.ndarray:
    """A mask of a film of `width` x `height` pixels on the network's square: bool (size, size), all but black is lung.

    Raises:
        DataError: the mask cannot be read, has another size than the film, or marks nothing or everything.
    """
    try:
        pixels = read_image(mask.read_bytes()).pixels > 0
    except (RequestError, OSError) as error:
        raise DataError(f"{mask}: cannot be read ({error}); need a gray PNG of the film's size") from error
    if pixels.shape != (height, width):
        raise DataError(
            f"{mask}: found a mask of {pixels.shape[1]} x {pixels.shape[0]} pixels for a film of {width} x {height}; "
            "need one of the film's size"
        )
    region = resize_pixels(pixels.astype(np.float32), size)[0].numpy() > 0.5
    if not region.any() or region.all():
        marked = "everything" if region.all() else "nothing"
        raise DataError(f"{mask}: marks {marked}; need the lungs in white on black, or no mask for this film")
    return region


@dataclass(frozen=True)
class Marks:
    """One kind of marks of films, by the film's resolved path."""

    name: str  # "boxes" or "lung masks"
    films: Mapping[Path, Sequence[Box] | Path]  # boxes, or a mask's file

    def region(self, film: Path, xray: Xray, size: int) -> np.ndarray:
        """What is marked on a film, on the network's square: bool (size, size).

        Raises:
            DataError: a box outside the film; a mask that cannot be used.
        """
        mark = self.films[film]
        if isinstance(mark, Path):
            return lung_region(mark, xray.width, xray.height, size)
        return box_region(mark, xray.width, xray.height, size, str(film))
