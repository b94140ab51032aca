"""Decoded images on disk: 17,000 X-rays are decoded once, load in a moment, and are never all in memory.

The cache is keyed by image size, preprocessing version and content. Each size and version has a folder of its
own; in it, a file that is listed twice, moved or copied takes one row. Whether a file's content is known is
told without reading it, from its path, size and modification time in nanoseconds; only a file changed with
both of these kept would go unnoticed.

A value v of the network's input is kept as round(65535 v): read back, it differs by at most 8e-6 from what
`read_xray` gives, less than the 1e-5 to which outputs are compared anywhere in this project. (8 bits would
take half the room and miss by 2e-3, so that training and serving would see different pixels.)

A build that is killed continues where it was. One process builds, others wait for it. `train/data/pixel_store.py`
has the files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from model_src.classes import CLASS_NAMES
from model_src.errors import DataError
from model_src.imaging.xray import PREPROCESSING_VERSION
from train.data.decode import LEVELS, DecodedFile, UnreadableFile, decode_files
from train.data.examples import Example
from train.data.pixel_store import PixelStore
from train.progress import track

_BATCH = 64  # images stored at a time; at most this many are decoded again after a kill

Indices: TypeAlias = Sequence[int] | np.ndarray | torch.Tensor


@dataclass(frozen=True)
class ImageCache:
    """The decoded images of some examples, read from disk as they are asked for.

    Attributes:
        examples: those that could be read, in the order given; an image's number is its place here.
        skipped: (path, reason) of those that could not.
        rows: int64 (len(examples),), where each example's image is in `store`.
        store: uint16 (rows, S, S), a read-only memory map that other examples may share.
    """

    examples: list[Example]
    skipped: list[tuple[Path, str]]
    rows: np.ndarray
    store: np.memmap

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        return int(self.store.shape[1])

    def pixels(self, indices: Indices) -> np.ndarray:
        """A copy of n images by number: uint16 (n, S, S), 65535 = 1.0."""
        return np.asarray(self.store[self.rows[np.asarray(indices, dtype=np.int64)]])

    def tensor(self, indices: Indices) -> torch.Tensor:
        """The network's input for n images by number: float32 (n, 1, S, S) in [0, 1]."""
        return torch.from_numpy(self.pixels(indices).astype(np.float32) / np.float32(LEVELS)).unsqueeze(1)


def open_cache(
    examples: Sequence[Example],
    image_size: int,
    cache_dir: str | os.PathLike[str],
    *,
    skip_unreadable: bool = False,
    workers: int | None = None,
) -> ImageCache:
    """Open the cache under `cache_dir` for `examples`, decoding first whatever it does not hold.

    Args:
        examples: any number, repeats allowed.
        image_size: side in pixels.
        cache_dir: created if need be; may serve several data sets, image sizes and processes.
        skip_unreadable: leave missing and broken images out, named in `skipped`, instead of refusing.
        workers: images decoded at the same time; default one per core.

    Raises:
        DataError: no examples, unreadable images, a class of which none can be read, the disk is full or
            cannot be written, or the cache is damaged.
    """
    if not examples:
        raise DataError("no images to open; need at least one example")
    version = hashlib.sha256(PREPROCESSING_VERSION.encode()).hexdigest()[:12]
    store = PixelStore(Path(cache_dir) / f"{image_size}px-{version}", image_size, PREPROCESSING_VERSION)
    paths = list(dict.fromkeys(example.path for example in examples))
    rows = store.rows_of(paths)
    unreadable: dict[Path, str] = {}
    if len(rows) < len(paths):
        with store.locked():
            store.load()  # another process may have filled it while this one waited
            rows = store.rows_of(paths)
            unreadable = _fill(store, [path for path in paths if path not in rows], rows, image_size, workers)
    if unreadable and not skip_unreadable:
        raise _unreadable(unreadable, len(paths))
    kept = [example for example in examples if example.path in rows]
    for label in sorted({example.label for example in examples} - {example.label for example in kept}):
        raise DataError(f"{CLASS_NAMES[label]}: none of its images can be read: {_named(unreadable)}; replace them")
    indices = np.array([rows[example.path] for example in kept], dtype=np.int64)
    return ImageCache(kept, list(unreadable.items()), indices, store.map())


def _fill(
    store: PixelStore, paths: Sequence[Path], rows: dict[Path, int], image_size: int, workers: int | None
) -> dict[Path, str]:
    """Decode and store `paths`, add their rows to `rows`, and return the unreadable ones with the reason."""
    if not paths:
        return {}
    store.require_space(len(paths))
    unreadable: dict[Path, str] = {}
    remaining = len(paths)
    results = track(decode_files(paths, image_size, workers), len(paths), "Decoding images")
    while batch := list(islice(results, _BATCH)):
        unreadable |= {item.path: item.reason for item in batch if isinstance(item, UnreadableFile)}
        if files := [item for item in batch if isinstance(item, DecodedFile)]:
            rows |= store.append(files, remaining)
        remaining -= len(batch)
    return unreadable


def _unreadable(unreadable: dict[Path, str], total: int) -> DataError:
    return DataError(
        f"{len(unreadable)} of {total} images cannot be read: {_named(unreadable)}; "
        f"replace or remove them, or leave them out with --skip-unreadable"
    )


def _named(unreadable: dict[Path, str]) -> str:
    """The first three, with the reason."""
    named = "; ".join(f"{path} ({reason})" for path, reason in list(unreadable.items())[:3])
    return named + ("; ..." if len(unreadable) > 3 else "")
