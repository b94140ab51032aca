"""What a classifier is trained on: TFEN residuals for the CIN, X-rays for a baseline; any variant of any image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model_src.tfen import TFEN
from train.augmentation import apply_variants
from train.device import Compute
from train.image_cache import ImageCache
from train.residual_cache import ResidualCache

_SAMPLE = 256  # images from which the mean and deviation of the inputs are measured


@dataclass
class ClassifierInputs:
    """Inputs (n, C, S, S) float32 by image and variant; with a TFEN they are residuals, each computed once."""

    images: ImageCache
    kind: str  # of augmentation
    seed: int
    compute: Compute
    tfen: TFEN | None = None
    cache: ResidualCache | None = None

    def load(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """Inputs of the given images in the given variants."""
        if self.tfen is None or self.cache is None:
            return self._xrays(indices, variants)
        missing = self.cache.missing(indices, variants)
        if len(missing):
            # In float32, as they are served, whatever the caller computes in: residuals are small differences.
            with torch.inference_mode(), torch.autocast(self.compute.device.type, enabled=False):
                xrays = self.compute.send(self._xrays(indices[missing], variants[missing]))
                self.cache.store(indices[missing], variants[missing], self.tfen(xrays))
        return self.cache.load(indices, variants)

    def moments(self, seed: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per channel, each (C, 1, 1), over a seeded sample of unaugmented images."""
        total = len(self.images)
        sample = np.sort(np.random.default_rng(seed).permutation(total)[:_SAMPLE])
        first, second = [], []
        for part in sample[:, None]:
            inputs = self.load(part, np.zeros(len(part), dtype=np.int64)).double()
            first.append(inputs.mean((0, 2, 3)))
            second.append(inputs.square().mean((0, 2, 3)))
        mean = torch.stack(first).mean(0)
        deviation = (torch.stack(second).mean(0) - mean.square()).clamp_min(1e-12).sqrt()
        return mean.float()[:, None, None], deviation.float()[:, None, None]

    def _xrays(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        return apply_variants(self.images.tensor(indices), self.kind, indices, variants, self.seed)


def residual_inputs(
    images: ImageCache, kind: str, variants: int, seed: int, compute: Compute, tfen: TFEN, folder: Path
) -> ClassifierInputs:
    """Inputs of the CIN, with their cache in `folder`."""
    cache = ResidualCache(folder, len(images), variants, images.image_size)
    return ClassifierInputs(images, kind, seed, compute, tfen, cache)
