"""Training images that lie on the device that trains: a GPU is fed from its own memory, with no copy a step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from train.data.image_cache import ImageCache

_AT_ONCE = 512  # images copied at a time


class ResidentFilms:
    """All images of a cache on one device, float32: 4 S^2 bytes each, 0.8 GB for 12,000 at 128 pixels."""

    def __init__(self, images: ImageCache, device: torch.device) -> None:
        parts = np.array_split(np.arange(len(images)), max(1, len(images) // _AT_ONCE))
        self._films = torch.cat([images.tensor(part).to(device) for part in parts])

    def __len__(self) -> int:
        return len(self._films)

    def tensor(self, indices: np.ndarray) -> Tensor:
        """Images (n, 1, S, S), float32 in [0, 1]."""
        return self._films[torch.from_numpy(np.asarray(indices, dtype=np.int64)).to(self._films.device)]
