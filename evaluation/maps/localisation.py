"""Does a map point where people point? Figures of one map against one marked region.

Maps are (h, w) float32 in [0, 1], 1 = matters most; regions are bool (S, S), the film as the network sees it. A map is
drawn at the region's size, bilinear, before anything is measured. The figures are those of CheXlocalize (Saporta et
al. 2022: hit rate, overlap at Otsu's threshold) and of Arun et al. 2021 (area under precision-recall of pixels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

_BINS = 256  # of the histogram in which Otsu's threshold is looked for


@dataclass(frozen=True)
class Localisation:
    """One map against the boxes of its film."""

    hit: bool  # the highest point lies in a box
    overlap: float  # intersection over union of the boxes and the map above Otsu's threshold, in [0, 1]
    precision_recall: float  # area under the precision-recall curve of pixels, in [0, 1]; chance gives the boxes' area


def localise(heatmap: np.ndarray, region: np.ndarray) -> Localisation:
    """Measure a map (h, w) against a region, bool (S, S), that has at least one pixel."""
    drawn = at_size(heatmap, region.shape)
    return Localisation(
        hit=bool(region.flat[int(drawn.argmax())]) and bool(drawn.any()),
        overlap=overlap(drawn > otsu_threshold(drawn), region),
        precision_recall=precision_recall_area(drawn, region),
    )


def share_inside(heatmap: np.ndarray, region: np.ndarray) -> float | None:
    """Which part of the map's sum lies in the region, in [0, 1]; None for an empty map."""
    drawn = at_size(heatmap, region.shape).astype(np.float64)
    total = float(drawn.sum())
    return float(drawn[region].sum()) / total if total > 0 else None


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two bool regions; 0 if both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0


def otsu_threshold(drawn: np.ndarray) -> float:
    """The value that parts the pixels into the two classes of least variance within (Otsu 1979).

    The middle of them where several are as good; of a flat map its value, which nothing lies above.
    """
    low, high = float(drawn.min()), float(drawn.max())
    if low == high:
        return high
    # In [0, 1]: the smallest numbers that float32 has cannot be parted into bins.
    scaled = (drawn.astype(np.float64) - low) / (high - low)
    counts, edges = np.histogram(scaled, bins=_BINS, range=(0, 1))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    sums = np.cumsum(counts * centres)
    above = drawn.size - below
    mean_below = sums[:-1] / np.maximum(below, 1)
    mean_above = (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * (mean_below - mean_above) ** 2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return low + (high - low) * float(edges[1:-1][best].mean())


def precision_recall_area(drawn: np.ndarray, region: np.ndarray) -> float:
    """Average precision of the pixels of `drawn` (S, S) for `region`; tied pixels come together."""
    scores, wanted = drawn.ravel(), region.ravel()
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)  # of each tied value
    hits = np.cumsum(wanted[order])[last].astype(np.float64)
    precision = hits / (last + 1)
    return float((np.diff(hits, prepend=0.0) * precision).sum() / hits[-1])


def at_size(heatmap: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The map (h, w) at another size, bilinear, float32."""
    maps = torch.from_numpy(np.ascontiguousarray(heatmap, dtype=np.float32))[None, None]
    return F.interpolate(maps, size=shape, mode="bilinear", align_corners=False)[0, 0].numpy()
