"""TFEN residuals on disk, computed once per (image, variant) instead of once per epoch."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model_src.errors import DataError


class ResidualCache:
    """Residuals of N images in V variants: a memory-mapped float16 file (N, V, 3, S, S), filled on demand.

    Half precision keeps residuals in [0, 2] to one part in 2,000 and halves the file: 6 N V S^2 bytes. All of its
    room is taken when it is made: a disk that filled up later would end the process without a word. The file
    belongs to one training (its TFEN, its data); entries count as written only once flagged, so a killed training
    can go on.
    """

    def __init__(self, folder: Path, images: int, variants: int, size: int) -> None:
        """Open the cache in `folder`, or make it.

        Raises:
            DataError: the disk has no room for it, or cannot be written.
        """
        shape = (images, variants, 3, size, size)
        needed = 2 * int(np.prod(shape))
        path, flags = folder / "residuals.f16", folder / "residuals.done"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size != needed:
                flags.unlink(missing_ok=True)
                _reserve(path, needed)
            if not flags.exists() or flags.stat().st_size != images * variants:
                _reserve(flags, images * variants)
        except OSError as error:
            raise DataError(
                f"{folder}: residuals of {images} images in {variants} variants need {needed / 1e9:.1f} GB of "
                f"disk, which cannot be had ({error.strerror}); free some room, or choose another --cache-dir, a "
                "smaller --image-size or fewer --cin-epochs"
            ) from error
        self._residuals = np.memmap(path, dtype=np.float16, mode="r+", shape=shape)
        self._done = np.memmap(flags, dtype=np.bool_, mode="r+", shape=shape[:2])

    def missing(self, indices: np.ndarray, variants: np.ndarray) -> np.ndarray:
        """Positions in `indices` whose residual has not been stored yet."""
        return np.flatnonzero(~self._done[indices, variants])

    def store(self, indices: np.ndarray, variants: np.ndarray, residuals: Tensor) -> None:
        """Keep residuals (n, 3, S, S) of the given images and variants."""
        self._residuals[indices, variants] = residuals.to("cpu", torch.float16).numpy()
        self._done[indices, variants] = True

    def load(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """Stored residuals, float32 (n, 3, S, S)."""
        return torch.from_numpy(self._residuals[indices, variants]).float()


def _reserve(path: Path, size: int) -> None:
    """Make `path` a file of `size` zero bytes that has its room on disk; no file is left if there is too little."""
    if shutil.disk_usage(path.parent).free < size:  # do not fill the disk up to find out
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with path.open("wb") as stream:
        try:
            os.posix_fallocate(stream.fileno(), 0, size)
        except OSError:
            path.unlink()
            raise
