"""TFEN residuals on disk, computed once per (image, variant) instead of once per epoch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model_src.errors import DataError


class ResidualCache:
    """Residuals of N images in V variants: a memory-mapped float16 file (N, V, 3, S, S), filled on demand.

    Half precision keeps residuals in [0, 2] to one part in 2,000 and halves the file. The file belongs to one
    training (its TFEN, its data); entries count as written only once flagged, so a killed training can go on.
    """

    def __init__(self, folder: Path, images: int, variants: int, size: int) -> None:
        shape = (images, variants, 3, size, size)
        folder.mkdir(parents=True, exist_ok=True)
        needed = 2 * int(np.prod(shape))
        path, flags = folder / "residuals.f16", folder / "residuals.done"
        if not path.exists() or path.stat().st_size != needed:
            free = shutil.disk_usage(folder).free
            if free < needed:
                raise DataError(
                    f"{folder}: residuals of {images} images in {variants} variants need {needed / 1e9:.1f} GB, "
                    f"{free / 1e9:.1f} GB are free; choose another --cache-dir or a smaller --image-size"
                )
            flags.unlink(missing_ok=True)
            with path.open("wb") as stream:
                stream.truncate(needed)
        if not flags.exists() or flags.stat().st_size != images * variants:
            flags.write_bytes(bytes(images * variants))
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
