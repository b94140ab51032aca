"""Many images, asked about one by one: what cannot be read or is refused is reported, and the rest go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cli.file_names import images_below, shown
from model_src.classes import RESEARCH_USE
from model_src.errors import DataError, RequestError


def expand(images: Iterable[Path], recursive: bool) -> list[Path]:
    """The images that are asked about: with `recursive`, those in folders and below them in a folder's place.

    Raises:
        DataError: a folder holds none.
    """
    expanded: list[Path] = []
    for path in images:
        if not (recursive and path.is_dir()):
            expanded.append(path)
            continue
        found, others = images_below(path)
        if not found:
            raise DataError(
                f"{shown(path)}: found no image in this folder or below it, need PNG, JPEG, WebP, TIFF or DICOM files"
            )
        if others:
            print(f"coronet: {shown(path)}: {others} files are left out by their names", file=sys.stderr)
        expanded += found
    return expanded


class ImageBatch:
    """Asks about images one by one; a refused or unreadable one is reported on stderr and counted."""

    def __init__(self) -> None:
        self.failures = 0
        self._told: set[tuple[Path, str]] = set()

    def read(self, path: Path) -> bytes | None:
        """The file's bytes; None when it cannot be read."""
        try:
            return path.read_bytes()
        except IsADirectoryError:
            self._failed(path, "is a folder, need image files: add -r to ask about all images in it and below it")
        except OSError as error:
            self._failed(path, f"cannot be read: {error.strerror}")
        return None

    def ask(self, path: Path, question: Callable[[], dict[str, Any]]) -> dict[str, Any] | RequestError:
        """The server's response about the file, or why it was refused; that and warnings go to stderr."""
        try:
            response = question()
        except RequestError as error:
            self._failed(path, f"{error} ({error.type})")
            return error
        for warning in response.get("warnings", []):
            # Several explanations of an image carry the same warnings; the notice is said once, at the end.
            if warning != RESEARCH_USE and (path, warning) not in self._told:
                self._told.add((path, warning))
                print(f"coronet: {shown(path)}: {warning}", file=sys.stderr)
        return response

    def _failed(self, path: Path, why: str) -> None:
        self.failures += 1
        print(f"coronet: {shown(path)}: {why}", file=sys.stderr)

    def finish(self) -> int:
        """Say what these responses are not for; the exit status."""
        print(f"coronet: {RESEARCH_USE}", file=sys.stderr)
        return 1 if self.failures else 0


def summary(response: dict[str, Any]) -> str:
    """A response in a few words: "COVID-19 0.880  (Pneumonia 0.100, Healthy 0.020)"."""
    probabilities = sorted(response["probabilities"].items(), key=lambda item: -item[1])
    others = ", ".join(f"{name} {p:.3f}" for name, p in probabilities if name != response["label"])
    return f"{response['label']} {response['probabilities'][response['label']]:.3f}  ({others})"
