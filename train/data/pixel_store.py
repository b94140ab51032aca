"""The two files of the image cache: rows of pixels, and an index that says which file's content each row
holds.

`pixels.u16` is rows of S x S little-endian uint16. `index.jsonl` is a header, then a line for each file:
path, size, modification time in nanoseconds, SHA-256 of its bytes, row. Both only grow, and pixels reach the
disk before the lines that name them: whatever happens, what the index says is there. What lies beyond the
last whole line (a build was killed) is overwritten by the next build.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from model_src.errors import DataError
from train.data.decode import DecodedFile

FORMAT = 1
_INDEX_LINE = 512  # bytes set aside per file when asking whether the disk has room
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class PixelStore:
    """Append-only storage of images of one size, uint16 (S, S) each, keyed by the content of their files."""

    def __init__(self, folder: Path, image_size: int, preprocessing: str) -> None:
        self._folder = folder
        self._image_size = image_size
        self._header = {"format": FORMAT, "image_size": image_size, "preprocessing": preprocessing}
        self._pixels = folder / "pixels.u16"
        self._index = folder / "index.jsonl"
        self._row_bytes = 2 * image_size * image_size
        self.load()

    def load(self) -> None:
        """Read the index from disk, up to the first line that is cut short or whose pixels are not there.

        Raises:
            DataError: the files are not a cache of this version.
        """
        self._files: dict[str, tuple[int, int, int]] = {}  # absolute path -> (size, mtime_ns, row)
        self._contents: dict[str, int] = {}  # SHA-256 -> row
        self._index_end = 0  # bytes of the index that are good
        stored = self._pixels.stat().st_size // self._row_bytes if self._pixels.exists() else 0
        lines = self._index.read_bytes().splitlines(keepends=True) if self._index.exists() else []
        try:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                if self._index_end == 0:
                    if json.loads(line) != self._header:
                        raise ValueError("the header is of another version")
                else:
                    path, size, mtime_ns, sha256, row = json.loads(line)
                    if row >= stored:
                        break
                    self._files[path] = (size, mtime_ns, row)
                    self._contents[sha256] = row
                self._index_end += len(line)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{self._index} is damaged or not an image cache of this version ({error}); "
                f"delete the folder {self._folder} and the images are decoded anew"
            ) from error

    def rows_of(self, paths: Sequence[Path]) -> dict[Path, int]:
        """The rows of those `paths` whose size and modification time are as when they were decoded."""
        rows = {}
        for path in paths:
            entry = self._files.get(str(path.absolute()))
            if entry is None:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            if entry[:2] == (status.st_size, status.st_mtime_ns):
                rows[path] = entry[2]
        return rows

    def map(self) -> np.memmap:
        """Every row, uint16 (rows, S, S), read-only."""
        shape = (len(self._contents), self._image_size, self._image_size)
        return np.memmap(self._pixels, dtype="<u2", mode="r", shape=shape)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the right to append. The system takes the lock away when the process ends, however it ends."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("w")
        except OSError as error:
            raise self._cannot_write(error, 0) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{self._folder}: waiting for another process that fills it", file=sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def require_space(self, images: int) -> None:
        """Raise DataError unless the disk has room for so many more images."""
        free = shutil.disk_usage(self._folder).free
        if free < self._bytes_for(images):
            raise self._disk_full(images)

    def append(self, files: Sequence[DecodedFile], remaining: int) -> dict[Path, int]:
        """Store decoded files and return their rows; the lock must be held.

        Either all of them are in the store afterwards, or none. `remaining` is how many images in all are
        still to be stored, for the message when the disk is full.
        """
        start = len(self._contents)
        contents = dict(self._contents)
        new_rows = []
        for file in files:
            if file.sha256 not in contents:
                contents[file.sha256] = len(contents)
                new_rows.append(np.ascontiguousarray(file.pixels, dtype="<u2").tobytes())
        entries = {
            str(file.path.absolute()): (file.size, file.mtime_ns, file.sha256, contents[file.sha256]) for file in files
        }
        lines: list[object] = [] if self._index_end else [self._header]
        lines += [[path, *entry] for path, entry in entries.items()]
        index_bytes = "".join(json.dumps(line) + "\n" for line in lines).encode()
        try:
            _write_at(self._pixels, start * self._row_bytes, b"".join(new_rows))
            _write_at(self._index, self._index_end, index_bytes)
        except OSError as error:
            raise self._cannot_write(error, remaining) from error
        self._index_end += len(index_bytes)
        self._contents = contents
        self._files |= {path: (size, mtime_ns, row) for path, (size, mtime_ns, _, row) in entries.items()}
        return {file.path: contents[file.sha256] for file in files}

    def _bytes_for(self, images: int) -> int:
        return images * (self._row_bytes + _INDEX_LINE)

    def _cannot_write(self, error: OSError, remaining: int) -> DataError:
        if error.errno in _DISK_FULL:
            return self._disk_full(remaining)
        return DataError(
            f"{self._folder}: cannot write the image cache ({error.strerror}); choose another folder with --cache-dir"
        )

    def _disk_full(self, images: int) -> DataError:
        free = shutil.disk_usage(self._folder).free
        return DataError(
            f"{self._folder}: {images} more images need {self._bytes_for(images):,} bytes, the disk has "
            f"{free:,} free; free some, or choose another folder with --cache-dir (what is cached is kept)"
        )


def _write_at(file: Path, offset: int, data: bytes) -> None:
    """Make `file` end with `data` at `offset`, on disk when this returns; on an error it ends at `offset`."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.ftruncate(descriptor, offset)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(descriptor, view, offset + len(data) - len(view))
                view = view[written:]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, offset)
            raise
    finally:
        os.close(descriptor)
