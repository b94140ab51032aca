"""Meaningful perturbation (Fong & Vedaldi, ICCV 2017; the paper's section 3.4): learn what to remove.

Deletion looks for the smallest, smoothest region whose removal makes the target's probability p drop:
    minimise   area * mean(1 - m) + tv * TV_beta(m) + p(Phi(X, m)),      Phi(X, m) = m X + (1 - m) P
and preservation for the smallest region that keeps it:
    minimise   area * mean(m) + tv * TV_beta(m) - p(Phi(X, m)).
m is a 28 x 28 mask drawn smoothly at the image's size and P a perturbed image (see perturbations.py). The map is
1 - m for deletion and m for preservation. If the mask started from the attribution, the map is ranked (`_ranked`):
a mask may also remove what hides the class without being it, and is flat where it removes all. It is then smoothed, and
weighed by what the classifier's last layers hold (layer_evidence.py): the options that point most often where
radiologists point, on training films. Without both the map is sharper and its deletion area smaller.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.deadline import Deadline, never, over
from explanations.fast_model import fast_model
from explanations.grid_maps import pool, to_heatmap
from explanations.layer_evidence import layer_evidence
from explanations.mask import GRID, MaskUpsampler, discs
from explanations.mask_descent import descend
from explanations.mask_problem import DELETION, PRESERVATION, MaskProblem
from explanations.method import Maps, Method, Work
from explanations.perturbations import PERTURBATIONS, REFERENCE_SIZE, gaussian_blur, perturbation
from explanations.settings import Settings, choice, integer, number
from explanations.target_model import TargetModel

STARTS = ("attribution", "circular", "uniform")
START_STEPS = 6  # gradients that the attribution start takes
TOGETHER = 16  # images of these gradients in one pass of a GPU
DISCS = 8  # forward passes that the circular start takes
POWERLESS = 0.9  # a perturbation that leaves this part of the probability cannot remove the class
START_CONTRAST = 0.8  # how far a start removes what matters most
SALIENCY_SIGMA = 1.5  # cells; a single cell's gradient says little
SALIENCY_SHARE = 0.75  # of the map that a place must earn by its saliency


@dataclass(frozen=True, kw_only=True)
class PerturbationSettings(Settings):
    """Options of meaningful perturbation."""

    steps: int = integer(8, 1, 1000, "most optimisation steps; it stops earlier when it no longer improves")
    time_budget: float | None = number(
        None, 0.1, 3600, "time for start and steps; then the best mask so far, and its scores", unit="seconds"
    )
    objective: str = choice("deletion", ("deletion", "preservation"), "remove the evidence, or keep nothing else")
    perturbation: str = choice("blur", PERTURBATIONS, "what replaces the removed pixels")
    blur_sigma: float = number(10.0, 1, 50, "strength of the blur", unit="pixels of a 224-pixel image")
    area: float = number(0.1, 0, 10, "weight of the mean removed (deletion) or kept (preservation) area")
    tv: float = number(0.5, 0, 100, "weight of the mask's mean total variation")
    beta: float = number(3.0, 1, 5, "exponent of the total variation")
    lr: float = number(0.1, 0.001, 1, "Adam's step size")
    jitter: int = integer(4, 0, 16, "largest random shift of the mask in a step", unit="pixels of a 224-pixel image")
    init: str = choice("attribution", STARTS, "the start mask")
    smoothing: float = number(2.0, 0, 8, "Gaussian on the finished map, which it makes wider", unit="cells of its grid")
    layers: str = choice(
        "weigh",
        ("ignored", "weigh"),
        "whether the classifier's last layers, if they can be seen, weigh the finished map",
    )
    seeds: int = integer(1, 1, 8, "independent runs that are averaged")


def attribute(model: TargetModel, x: Tensor, settings: PerturbationSettings) -> Maps:
    """Optimise one mask per image, all images together; see `Method` for the contract."""
    deadline = _deadline(model.deadline, settings.time_budget)
    size = x.shape[-1]
    jitter = round(settings.jitter * size / REFERENCE_SIZE)
    draw = MaskUpsampler(size, jitter, x.device)
    perturbed = perturbation(settings.perturbation, model, x, settings.blur_sigma, settings.seed)
    fast = TargetModel(fast_model(model.network), model.targets, x.device)
    deletion = settings.objective == "deletion"
    direction = DELETION if deletion else PRESERVATION
    problem = MaskProblem(fast, x, perturbed, draw, direction, settings.area, settings.tv, settings.beta)

    runs = []
    start = _start_mask(problem, settings.init, deadline)
    late = over(deadline)
    for run in range(settings.seeds):
        generator = torch.Generator().manual_seed(settings.seed + run)
        runs.append(descend(problem, start, settings.steps, settings.lr, generator, deadline))
        if over(deadline):
            break
    mask = torch.stack([run.mask for run in runs]).mean(0)
    with torch.no_grad():
        terms = dataclasses.replace(problem, model=model).terms(mask, (0, 0))  # exact, in float32

    heatmaps = 1 - mask if deletion else mask
    if settings.init == "attribution":
        heatmaps = _ranked(heatmaps, 1 - start if deletion else start, fast, x)
    if settings.smoothing > 0:
        heatmaps = _smoothed(heatmaps, settings.smoothing)
    evidence = layer_evidence(fast, x) if settings.layers == "weigh" else None
    if evidence is not None:
        heatmaps = _as_high((heatmaps - heatmaps.amin(dim=(1, 2), keepdim=True)) * evidence, heatmaps)
    warnings = _powerless(model, x, perturbed, settings)
    if deadline is not None and (late or len(runs) < settings.seeds or any(run.out_of_time for run in runs)):
        for of_image in warnings:
            of_image.append(f"{deadline.why} reached: this is the best mask found by then")
    sign = (
        "1 = removed first: removing it lowers the target's probability"
        if deletion
        else "1 = kept: enough to keep the target's probability"
    )
    return Maps(
        heatmaps=heatmaps,
        sign=sign,
        steps=[sum(run.steps[i] for run in runs) for i in range(len(x))],
        step_seconds=min(run.step_seconds for run in runs),
        perturbed=problem.compose(mask, (0, 0)),
        warnings=warnings,
        details=[
            {
                "objective": settings.objective,
                "perturbation": settings.perturbation,
                "layers": "weigh" if evidence is not None else "ignored",
                "terms": {name: round(float(values[i]), 6) for name, values in terms._asdict().items()},
                "stopped": [run.stopped[i] for run in runs],
            }
            for i in range(len(x))
        ],
    )


def _ranked(removed: Tensor, start: Tensor, model: TargetModel, x: Tensor) -> Tensor:
    """Maps (N, 28, 28) in [0, 1] whose order follows what the mask removes, in [0, 1], and what the answer depends on.

    A finished mask is nearly binary: its mean with the start ranks the cells that it removes whole. Saliency, the
    magnitude of the log-odds' gradient, then holds back places that the mask removes although a small change there
    does not matter.
    """
    variable = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.log_odds(variable).sum(), variable)
    saliency = gaussian_blur(pool(gradient.abs(), GRID)[:, None], SALIENCY_SIGMA)[:, 0]
    weight = 1 - SALIENCY_SHARE + SALIENCY_SHARE * to_heatmap(saliency, "absolute")
    return (removed + start) / 2 * weight


def _smoothed(maps: Tensor, sigma: float) -> Tensor:
    """Maps (N, 28, 28) blurred by a Gaussian of `sigma` cells, each with its largest value as before."""
    return _as_high(gaussian_blur(maps[:, None], sigma)[:, 0], maps)


def _as_high(changed: Tensor, maps: Tensor) -> Tensor:
    """`changed` (N, 28, 28) scaled so that each map's largest value is that of `maps`."""
    largest = maps.amax(dim=(1, 2), keepdim=True)
    return (changed * largest / changed.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)).clamp(0, 1)


def _deadline(of_server: Deadline | None, time_budget: float | None) -> Deadline | None:
    """The server's or the request's own, whichever comes first."""
    if time_budget is None:
        return of_server
    abandoned = never if of_server is None else of_server.abandoned
    own = Deadline.after(time_budget, f"time_budget of {time_budget:g} s", abandoned)
    return own if of_server is None else min(own, of_server, key=lambda found: found.at)


@torch.no_grad()
def _powerless(model: TargetModel, x: Tensor, perturbed: Tensor, settings: PerturbationSettings) -> list[list[str]]:
    """A warning for each image whose class survives even when all of the image is perturbed."""
    before, after = model.original_probability(x).tolist(), model.probability(perturbed).tolist()
    return [
        [
            f"perturbation {settings.perturbation} of the whole image leaves the target's probability at {left:.3f}: "
            f"it cannot remove this class; try another perturbation ({', '.join(PERTURBATIONS)})"
        ]
        if left > POWERLESS * p
        else []
        for p, left in zip(before, after, strict=True)
    ]


def _start_mask(problem: MaskProblem, init: str, deadline: Deadline | None) -> Tensor:
    """(N, 28, 28) start masks in [0, 1]; past the deadline, from what has been computed by then."""
    images = len(problem.x)
    if init == "uniform":
        return torch.full((images, GRID, GRID), 0.5, device=problem.x.device)
    return (_circular_start if init == "circular" else _attribution_start)(problem, deadline)


@torch.no_grad()
def _circular_start(problem: MaskProblem, deadline: Deadline | None) -> Tensor:
    """The smallest centred disc whose removal achieves 99% of what perturbing the whole image does."""
    candidates = discs(DISCS).to(problem.x.device)  # small to whole
    masks = 1 - candidates if problem.direction == DELETION else candidates
    found = []  # from whole to small: where the time is over, the smallest tried is the smallest known
    for mask in masks.flip(0):
        found.append(problem.probability(mask.expand(len(problem.x), -1, -1)))
        if over(deadline):
            break
    masks, p = masks[-len(found) :], torch.stack(found[::-1])  # (at most DISCS, N)
    whole = p[-1] if problem.direction == DELETION else problem.model.probability(problem.perturbed)
    original = problem.model.probability(problem.x)
    if problem.direction == DELETION:
        enough = (original - p) >= 0.99 * (original - whole)
    else:
        enough = (p - whole) >= 0.99 * (original - whole)
    first = enough.float().argmax(dim=0)  # the first disc that is enough (0 if none: NaN)
    return masks[first].clone()


def _attribution_start(problem: MaskProblem, deadline: Deadline | None) -> Tensor:
    """The mask's own integrated gradient: mean gradient of the log-odds over masks from nothing removed to all.

    Cells whose return raises the target's log-odds most are removed (or kept) first.
    """
    images, device = len(problem.x), problem.x.device
    total = torch.zeros(images, GRID, GRID, device=device)
    # A GPU takes some images in the time of one; a CPU does not, and looks at the clock after each.
    together = max(1, TOGETHER // images) if device.type == "cuda" else 1
    for first in range(0, START_STEPS, together):
        levels = (torch.arange(first, min(first + together, START_STEPS), device=device) + 0.5) / START_STEPS
        rows = torch.arange(images, device=device).repeat(len(levels))
        part = problem.only(rows) if len(levels) > 1 else problem
        mask = levels.repeat_interleave(images)[:, None, None].repeat(1, GRID, GRID).requires_grad_(True)
        score = part.model.log_odds(part.compose(mask, (0, 0)))
        (gradient,) = torch.autograd.grad(score.sum(), mask)
        total += gradient.view(len(levels), images, GRID, GRID).sum(dim=0)
        if over(deadline):
            break
    evidence = total.clamp(min=0)
    evidence = evidence / evidence.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    important = START_CONTRAST * evidence.sqrt()
    return 1 - important if problem.direction == DELETION else important


def work(settings: PerturbationSettings) -> Work:
    """Passes that `attribute` may take for one image."""
    start = START_STEPS + 1 if settings.init == "attribution" else 0  # and one gradient that ranks the map
    forwards = DISCS + 3 if settings.init == "circular" else 3
    layers = 1 if settings.layers == "weigh" else 0
    return Work(forwards=forwards + 2, gradients=layers, mask_steps=start + settings.seeds * settings.steps)


METHOD = Method(
    name="meaningful_perturbation",
    summary="Which smallest region must be removed (or is enough to keep) to change the answer?",
    settings=PerturbationSettings,
    attribute=attribute,
    work=work,
)
