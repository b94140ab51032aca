"""Image files -> pixels at the network's size, several at a time, in bounded memory.

Threads, not processes: Pillow and torch release the interpreter while they decode and resize, and nothing has
to be copied between processes.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from model_src.errors import RequestError
from model_src.imaging.xray import read_xray

LEVELS = 65535  # pixels are kept as uint16: a value in [0, 1] moves by at most 1/131070, about 8e-6


@dataclass(frozen=True)
class DecodedFile:
    """A file's pixels, uint16 (S, S): the network's input times 65535, rounded; and what identifies it."""

    path: Path
    sha256: str
    size: int  # of the file in bytes, with `mtime_ns` as it was before reading
    mtime_ns: int
    width: int  # of the image before resizing
    height: int
    pixels: np.ndarray


@dataclass(frozen=True)
class UnreadableFile:
    """A file without usable pixels, and why."""

    path: Path
    reason: str


def decoding_threads() -> int:
    """Images decoded at a time unless told otherwise: one per core, up to 16."""
    return min(len(os.sched_getaffinity(0)), 16)  # a large X-ray takes 100 MB and more


def decode_files(
    paths: Iterable[Path], image_size: int, workers: int | None = None
) -> Iterator[DecodedFile | UnreadableFile]:
    """Decode `paths` to `image_size` pixels squared, in order, `workers` at a time (default: one per core, up to 16).

    Only a few images per worker are in memory, however many paths there are.
    """
    workers = workers or decoding_threads()
    waiting = iter(paths)
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future[DecodedFile | UnreadableFile]] = deque()
        try:
            for path in islice(waiting, 4 * workers):
                running.append(pool.submit(_decode, path, image_size))
            while running:
                result = running.popleft().result()
                for path in islice(waiting, 1):
                    running.append(pool.submit(_decode, path, image_size))
                yield result
        finally:
            for future in running:
                future.cancel()


def _decode(path: Path, image_size: int) -> DecodedFile | UnreadableFile:
    try:
        status = path.stat()
        data = path.read_bytes()
    except OSError as error:
        return UnreadableFile(path, error.strerror or str(error))
    try:
        xray = read_xray(data, image_size)
    except RequestError as error:
        return UnreadableFile(path, str(error))
    pixels = np.rint(xray.tensor[0].numpy() * LEVELS).astype(np.uint16)
    sha256 = hashlib.sha256(data).hexdigest()
    return DecodedFile(path, sha256, status.st_size, status.st_mtime_ns, xray.width, xray.height, pixels)
