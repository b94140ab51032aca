"""Explain a batch of images: run the method, guard its result, score it, put everything back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explanations.deadline import Deadline
from explanations.faithfulness import deletion_insertion
from explanations.fast_model import float32_copy
from explanations.method import Maps
from explanations.options import ExplainOptions
from explanations.perturbations import perturbation
from explanations.preserved_state import preserved_state
from explanations.registry import METHODS
from explanations.target_model import TargetModel
from model_src.networks.coronet import CoroNet

NOTHING_TO_EXPLAIN = 0.05  # below this probability there is hardly anything to delete
FLAT = 1e-3  # an image whose gray values differ by less is constant for our purposes
BORDER_WIDTH = 0.02  # part of the side: what is black (the image's minimum) along a whole edge so far in is a border
BORDER_GRAY = 0.01  # above the image's minimum; JPEG leaves black not quite black
# What a sign other than the default does to the scores, which remove or insert what matters *for* the class.
_TURNED_ROUND = {
    "negative": "sign=negative: the map shows what speaks against the class, and removing that raises its probability: "
    "a good map has a large deletion area and a small insertion area",
    "absolute": "sign=absolute: the map shows what speaks for and against the class together, so that deletion and "
    "insertion area do not tell a good map from a bad one",
}


@dataclass(frozen=True)
class Attribution:
    """The explanation of one image. All numbers are finite."""

    heatmap: np.ndarray  # float32 (h, w) in [0, 1], 1 = matters most; h and w at most 64
    sign: str  # what a high value means
    steps: int  # model evaluations spent on the map
    target: int  # class index
    original_probability: float  # of the target, for the image as it is
    perturbed_probability: float  # for the image with what the map marks removed (or, preservation, alone kept)
    deletion: float  # area under the deletion curve, in [0, 1], small is good
    insertion: float  # area under the insertion curve, in [0, 1], large is good
    residuals: np.ndarray  # float32 (3, S, S): what the classifier was given, equations (5)-(7)
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)  # method-specific facts, JSON-ready
    step_seconds: float | None = None  # of one step on the mask, all images of the batch; no part of a response


def explain_batch(
    network: CoroNet,
    x: Tensor,
    targets: Sequence[int],
    options: ExplainOptions,
    deadline: Deadline | None = None,
) -> list[Attribution]:
    """Explain images x (N, 1, S, S) float32 in [0, 1], on the network's device, towards one class index each.

    An image's attribution does not depend on its neighbours in the batch. Whatever happens, the network, the random
    generators and the thread count are afterwards as they were. The maps are done at `deadline`; scores come after it.
    What the network says of the unchanged images is computed once, here, and passed down.

    Raises:
        InvalidRequest: the deadline has passed, and the method has no map to show for the time before it.
        Overloaded: the caller has gone (`deadline.abandoned`).
    """
    method = METHODS[options.method]
    with preserved_state(network, options.seed):
        images = x.detach().clone()
        with torch.no_grad():
            residuals = network.residuals(images)
            logits = network.cin(residuals).float()
        model = TargetModel(network, targets, images.device, deadline, logits)
        original = model.original_probability(images)
        maps = method.attribute(model, images, options.settings)
        if deadline is not None:
            deadline.check_wanted()
        heatmaps = maps.heatmaps.detach().float()
        broken = ~heatmaps.isfinite().flatten(1).all(dim=1) | ~original.isfinite()
        heatmaps = torch.where(broken[:, None, None], torch.zeros_like(heatmaps), heatmaps).clamp(0, 1)
        with torch.no_grad():
            perturbed = model.probability(_perturbed_images(model, images, heatmaps, maps))
        scored = TargetModel(float32_copy(network), targets, images.device, deadline, logits)
        deletion, insertion = deletion_insertion(scored, images, heatmaps, options.settings.score_steps)

    edges = _black_edges(images)
    turned_round = _TURNED_ROUND.get(getattr(options.settings, "sign", ""))
    flat = (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3)) < FLAT).tolist()
    attributions = []
    for i, target in enumerate(model.targets.tolist()):
        p = float(original[i])
        warnings = [text for rows in maps.warnings[i : i + 1] for text in rows]
        numbers = [p, float(perturbed[i]), float(deletion[i]), float(insertion[i])]
        if bool(broken[i]) or not np.isfinite(numbers).all():
            warnings.append("a value on the way was not a number: the map is empty where it could not be computed")
        elif not bool(heatmaps[i].any()):
            warnings.append("the method found nothing that matters for this class")
        if flat[i]:
            warnings.append("the image is constant: there is nothing to point at")
        elif edges[i]:
            warnings.append(
                f"the image has a black border ({', '.join(edges[i])}): what a map shows there is about the border, "
                "not about the chest; crop it off"
            )
        if turned_round:
            warnings.append(turned_round)
        if p < NOTHING_TO_EXPLAIN:
            warnings.append(f"the target's probability is already {p:.3f}: there is hardly anything to explain")
        numbers = [value if np.isfinite(value) else 0.0 for value in numbers]
        attributions.append(
            Attribution(
                heatmap=heatmaps[i].cpu().numpy(),
                sign=maps.sign,
                steps=maps.steps[i],
                target=target,
                original_probability=numbers[0],
                perturbed_probability=numbers[1],
                deletion=numbers[2],
                insertion=numbers[3],
                residuals=torch.nan_to_num(residuals[i].float()).cpu().numpy(),
                warnings=tuple(warnings),
                details=_finite(maps.details[i]) if maps.details else {},
                step_seconds=maps.step_seconds,
            )
        )
    return attributions


def _black_edges(images: Tensor) -> list[list[str]]:
    """For each of (N, 1, S, S) images the edges that are black along their whole length."""
    width = max(1, round(BORDER_WIDTH * images.shape[-1]))
    black = (images - images.amin(dim=(1, 2, 3), keepdim=True) < BORDER_GRAY)[:, 0]
    sides = {
        "top": black[:, :width],
        "bottom": black[:, -width:],
        "left": black[:, :, :width],
        "right": black[:, :, -width:],
    }
    found = {name: side.flatten(1).all(dim=1).tolist() for name, side in sides.items()}
    return [[name for name in sides if found[name][i]] for i in range(len(images))]


def _finite(value: Any) -> Any:
    """`value` (JSON-ready) with every number that JSON cannot hold replaced by None."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _perturbed_images(model: TargetModel, x: Tensor, heatmaps: Tensor, maps: Maps) -> Tensor:
    """What a method ended with, or the image blurred in proportion to the map."""
    if maps.perturbed is not None:
        return maps.perturbed
    drawn = F.interpolate(heatmaps[:, None], size=x.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(x, perturbation("blur", model, x, 10.0, 0), drawn)
