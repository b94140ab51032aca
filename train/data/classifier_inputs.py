"""What a classifier is trained on: TFEN residuals for the CIN, X-rays for a baseline; any variant of any image.

Where an image comes back in the same variant, its TFEN residuals are kept on disk and computed once. Where variants
are so many that none comes back, and on a GPU, which computes them faster than a disk brings them, they are not kept.
"""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_src.classes import CLASS_NAMES, COVID
from model_src.errors import DataError
from train.data.augmentation import Films, apply_variants, choose_partners
from train.data.examples import NOT_COVID
from train.data.image_cache import ImageCache
from train.data.resident_films import ResidentFilms
from train.device import Compute

_MAY_BE = torch.eye(NOT_COVID + 1, len(CLASS_NAMES))  # label -> the classes that it leaves open
_MAY_BE[NOT_COVID] = 1 - F.one_hot(torch.tensor(COVID), len(CLASS_NAMES)).float()
_SAMPLE = 256  # images from which the mean and deviation of the inputs are measured


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


@dataclass
class ClassifierInputs:
    """Inputs (n, C, S, S) float32 and targets (n, 3) by image and variant.

    Attributes:
        images: decoded X-rays with their labels.
        augmentation: see train/data/augmentation.py.
        seed: decides, with image and variant, what a variant is.
        compute: where and how precisely residuals are computed.
        mixup: share of the variants that are mixed with another X-ray.
        tfen: a TFEN, or another network of X-rays whose three maps are the inputs; without one, X-rays are.
        cache: where residuals are kept, each computed once; without one, they are computed when asked for.
    """

    images: ImageCache
    augmentation: str
    seed: int
    compute: Compute
    mixup: float = 0.0
    tfen: nn.Module | None = None
    cache: ResidualCache | None = None

    @cached_property
    def labels(self) -> np.ndarray:
        """Class numbers (or NOT_COVID), int64 (N,)."""
        return np.array([example.label for example in self.images.examples], dtype=np.int64)

    @cached_property
    def by_source(self) -> list[np.ndarray]:
        """The images of each source, by number."""
        sources = np.array([example.facts.source for example in self.images.examples])
        return [np.flatnonzero(sources == source) for source in sorted(set(sources))]

    @cached_property
    def films(self) -> Films:
        """The X-rays, on a GPU if that is what trains."""
        on_gpu = self.compute.device.type == "cuda"
        return ResidentFilms(self.images, self.compute.device) if on_gpu else self.images

    def load(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """Inputs of the given images in the given variants, on a GPU if that is what trains."""
        if self.tfen is None:
            return self.xrays(indices, variants)
        if self.cache is None:
            return self._residuals(self.xrays(indices, variants), self.tfen)
        missing = self.cache.missing(indices, variants)
        if len(missing):
            computed = self._residuals(self.xrays(indices[missing], variants[missing]), self.tfen)
            self.cache.store(indices[missing], variants[missing], computed)
        return self.cache.load(indices, variants)

    def targets(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """Probabilities that the classifier should answer, by the labels: float32 (n, 3).

        1 for each class that a film may be of: more than one for NOT_COVID (see ClassifierLoss).
        """
        partners, shares = self._partners(indices, variants)
        own, other = (_MAY_BE[torch.from_numpy(self.labels[which])] for which in (indices, partners))
        return own.lerp(other, torch.from_numpy(shares)[:, None])

    def xrays(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """X-rays (n, 1, S, S) in the given variants, float32 in [0, 1], some of them mixed with another."""
        xrays = self._altered(indices, variants)
        partners, shares = self._partners(indices, variants)
        rows = np.flatnonzero(shares)
        if len(rows):
            share = torch.from_numpy(shares[rows])[:, None, None, None].to(xrays.device)
            where = torch.from_numpy(rows).to(xrays.device)
            mixed_in = self._altered(partners[rows], variants[rows])
            xrays = xrays.index_copy(0, where, xrays[where].lerp(mixed_in, share))
        return xrays

    def moments(self, seed: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation per channel, each (C, 1, 1), over a seeded sample of unaugmented images."""
        total = len(self.images)
        sample = np.sort(np.random.default_rng(seed).permutation(total)[:_SAMPLE])
        first, second = [], []
        for part in sample[:, None]:
            inputs = self.load(part, np.zeros(len(part), dtype=np.int64)).double()
            first.append(inputs.mean((0, 2, 3)).cpu())
            second.append(inputs.square().mean((0, 2, 3)).cpu())
        mean = torch.stack(first).mean(0)
        deviation = (torch.stack(second).mean(0) - mean.square()).clamp_min(1e-12).sqrt()
        return mean.float()[:, None, None], deviation.float()[:, None, None]

    def _altered(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        return apply_variants(self.films, self.augmentation, indices, variants, self.seed, self.by_source)

    def _residuals(self, xrays: Tensor, tfen: nn.Module) -> Tensor:
        with torch.no_grad(), self.compute.autocast():
            return tfen(self.compute.send(xrays)).float()

    def _partners(self, indices: np.ndarray, variants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return choose_partners(indices, variants, len(self.images), self.mixup, self.seed)


def residual_inputs(
    images: ImageCache, augmentation: str, variants: int, seed: int, compute: Compute, tfen: nn.Module,
    folder: Path | None, mixup: float = 0.0,
) -> ClassifierInputs:  # fmt: skip
    """Inputs of the CIN, with their cache in `folder`, if they are to be kept."""
    cache = ResidualCache(folder, len(images), variants, images.image_size) if folder else None
    return ClassifierInputs(images, augmentation, seed, compute, mixup, tfen, cache)


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
