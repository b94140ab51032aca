"""How faithful a map is: deletion and insertion area (Petsiuk et al., RISE, BMVC 2018) on a small budget.

Pixels are ranked by the map, drawn at the image's size. Deletion replaces them by the image's mean gray,
most important first: the target's probability should fall early, so a small area under its curve is good.
Insertion starts from the image blurred (sigma 10 pixels at 224) and puts true pixels back, most important
first: a large area is good. Both areas are means over the fraction of pixels changed, from none to all, by
the trapezoid rule, in [0, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from explanations.perturbations import perturbation
from explanations.target_model import TargetModel

CALL_IMAGES = 8  # images in one forward pass
TIE_BREAK = 1e-3  # weight of the map's surroundings where the map itself is flat


@torch.no_grad()
def deletion_insertion(model: TargetModel, x: Tensor, heatmaps: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Areas (N,) and (N,) of the deletion and the insertion curve.

    x (N, 1, S, S) in [0, 1], heatmaps (N, h, w), curves of steps + 1 points. Takes 2 x steps forward passes
    per image: the whole image is a point of both curves, and what the model says of it is known.
    """
    importance = ranks(heatmaps, x.shape[-1])  # (N, 1, S, S), 1 = last
    gray = perturbation("fade", model, x, 0, 0)
    blurred = perturbation("blur", model, x, 10.0, 0)
    fractions = torch.arange(steps + 1, device=x.device) / steps
    frames = [torch.where(importance < f, gray, x) for f in fractions[1:]]
    frames += [torch.where(importance < f, x, blurred) for f in fractions[:-1]]
    p = _probabilities(model, frames)
    original = model.original_probability(x)[None]
    deletion, insertion = torch.cat([original, p[:steps]]), torch.cat([p[steps:], original])
    return torch.trapezoid(deletion, dim=0) / steps, torch.trapezoid(insertion, dim=0) / steps


def ranks(heatmaps: Tensor, size: int) -> Tensor:
    """(N, h, w) maps -> (N, 1, size, size): each pixel's place from 0 (most important) to below 1.

    Where a map is flat (often zero), pixels near its important regions come first instead of in reading
    order.
    """
    maps = heatmaps[:, None].float()
    drawn = F.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
    reach = max(3, 2 * (max(maps.shape[-2:]) // 4) + 1)
    around = F.avg_pool2d(maps, reach, stride=1, padding=reach // 2)
    around = F.interpolate(around, size=(size, size), mode="bilinear", align_corners=False)
    key = (drawn + TIE_BREAK * around).flatten(1)
    order = key.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(key.shape[1], device=key.device, dtype=torch.float32) / key.shape[1]
    return torch.empty_like(key).scatter_(1, order, places.expand_as(key)).view(len(maps), 1, size, size)


def _probabilities(model: TargetModel, frames: list[Tensor]) -> Tensor:
    """Target probability (len(frames), N) of frames (N, 1, S, S) each, a few frames at a time."""
    images = len(frames[0])
    together = max(1, CALL_IMAGES // images)
    rows = torch.arange(images)
    parts = []
    for first in range(0, len(frames), together):
        group = frames[first : first + together]
        parts.append(model.only(rows.repeat(len(group))).probability(torch.cat(group)).view(len(group), images))
    return torch.cat(parts)
