"""File names as people have them: shown on one line, found in folders, turned into names of outputs."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from model_src.imaging.file_names import ENDINGS, may_be_image

COLUMN = 60  # letters: names up to this length stand in a column of a table; longer ones do not widen it
_LONGEST_STEM = 120  # bytes: a method's name and an ending follow, and a file name has 255


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """The name on one line: bytes that are no UTF-8 as \\xff, line breaks and other unprintable letters escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        letter if unicodedata.category(letter)[0] != "C" else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shortened(path: str | os.PathLike[str]) -> str:
    """The name where there is little room: as `shown`, with the middle of a long one left out."""
    text = shown(path)
    return text if len(text) <= COLUMN else f"{text[: COLUMN // 3]}...{text[-(COLUMN - COLUMN // 3 - 3) :]}"


def images_below(folder: Path) -> tuple[list[Path], int]:
    """The files in a folder and below it that may be images, by name; and how many others there are.

    Files without an ending, or with a number for one, may be images: DICOM exports are called so. Hidden files and
    folders are left out and not counted. A folder that cannot be listed is among the images: reading it says why.
    """
    found: list[Path] = []
    others = 0
    for place, folders, files in os.walk(folder, onerror=lambda error: found.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith("."):
                continue
            if may_be_image(name):
                found.append(Path(place) / name)
            else:
                others += 1
    return found, others


def output_stems(paths: Sequence[Path]) -> list[str]:
    """For each image the beginning of the names of its output files.

    It is the image's own name without the ending of an image file. Where several share it, or it is too long or not
    fit for a file name, a digest of the image's path stands in it, so that another run gives the same.
    """
    stems = [_stem(path) for path in paths]
    times = Counter(stem.lower() for stem in stems)
    return [
        stem if times[stem.lower()] == 1 and _fit(stem) == stem else f"{_fit(path.name)}-{_digest(path)}"
        for path, stem in zip(paths, stems, strict=True)
    ]


def _stem(path: Path) -> str:
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def _fit(name: str) -> str:
    """A name without letters that a terminal would act on, of at most _LONGEST_STEM bytes."""
    plain = "".join("_" if unicodedata.category(letter) == "Cc" else letter for letter in name)
    return os.fsdecode(os.fsencode(plain)[:_LONGEST_STEM])


def _digest(path: Path) -> str:
    return sha256(os.fsencode(path.resolve())).hexdigest()[:8]
