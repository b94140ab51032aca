"""Gradient descent on masks: the objective of meaningful perturbation, many images at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from explanations.deadline import Deadline, over
from explanations.mask import MaskUpsampler, total_variation
from explanations.target_model import TargetModel

WINDOW = 5  # steps over which the objective is averaged before asking whether it still falls
TOLERANCE = 0.002  # of the objective, per window


class Terms(NamedTuple):
    """The objective's parts, each (N,), weights applied; the objective is their sum."""

    area: Tensor
    tv: Tensor
    probability: Tensor  # of the target, with the sign of the objective


@dataclass
class MaskProblem:
    """What is minimised for a batch of images; see meaningful_perturbation.py for the formulas."""

    model: TargetModel
    x: Tensor  # (N, 1, S, S)
    perturbed: Tensor  # (N, 1, S, S)
    draw: MaskUpsampler
    objective: str  # "deletion" or "preservation"
    area: float
    tv: float
    beta: float

    def compose(self, mask: Tensor, shift: tuple[int, int]) -> Tensor:
        """Phi(X, m) (N, 1, S, S): the image where the mask (N, 28, 28) is 1, the perturbed one where it is 0."""
        return torch.lerp(self.perturbed, self.x, self.draw(mask, shift))

    def probability(self, mask: Tensor, shift: tuple[int, int] = (0, 0)) -> Tensor:
        """(N,) probability of the target for Phi(X, m)."""
        return self.model.probability(self.compose(mask, shift))

    def terms(self, mask: Tensor, shift: tuple[int, int]) -> Terms:
        """The objective's terms for masks (N, 28, 28)."""
        chosen, sign = (1 - mask, 1.0) if self.objective == "deletion" else (mask, -1.0)
        return Terms(
            area=self.area * chosen.mean(dim=(1, 2)),
            tv=self.tv * total_variation(mask, self.beta),
            probability=sign * self.probability(mask, shift),
        )

    def only(self, rows: Tensor) -> MaskProblem:
        """The problem of some images of the batch."""
        return MaskProblem(
            self.model.only(rows), self.x[rows], self.perturbed[rows], self.draw,
            self.objective, self.area, self.tv, self.beta,
        )  # fmt: skip


@dataclass
class Descent:
    """Where a run ended."""

    mask: Tensor  # (N, 28, 28) in [0, 1], averaged over the steps around the lowest objective
    steps: list[int]
    stopped: list[str]  # why, per image: "steps", "no improvement", "time", "not a number"
    out_of_time: bool
    step_seconds: float  # mean, for the batch as it was


def descend(
    problem: MaskProblem,
    start: Tensor,
    steps: int,
    lr: float,
    generator: torch.Generator,
    deadline: Deadline | None,
) -> Descent:
    """Adam on `start` (N, 28, 28), clipped to [0, 1] after each step.

    All images share the random shifts, so a batch takes exactly the steps that its images take alone. An image
    whose objective no longer falls leaves the batch.
    """
    images = len(start)
    mask = start.clone()
    first, second = torch.zeros_like(mask), torch.zeros_like(mask)  # Adam's moments
    history = torch.full((images, steps), float("nan"))
    taken, stopped = [0] * images, ["steps"] * images
    best, best_mask = torch.full((images,), float("inf")), mask.clone()
    recent = torch.zeros(WINDOW, *mask.shape, device=mask.device)  # ring of the last masks that were judged
    active = torch.arange(images)
    current = problem
    out_of_time = False
    started = time.perf_counter()
    for step in range(steps):
        if step and over(deadline):
            out_of_time = True
            for i in active.tolist():
                stopped[i] = "time"
            break
        rows = active.to(mask.device)
        variable = mask[rows].requires_grad_(True)
        terms = current.terms(variable, _shift(problem.draw.jitter, generator))
        objective = terms.area + terms.tv + terms.probability
        (gradient,) = torch.autograd.grad(objective.sum(), variable)
        finite = gradient.isfinite().all(dim=2).all(dim=1) & objective.isfinite()
        gradient = torch.where(finite[:, None, None], gradient, torch.zeros_like(gradient))
        first[rows] = 0.9 * first[rows] + 0.1 * gradient
        second[rows] = 0.999 * second[rows] + 0.001 * gradient.square()
        update = (first[rows] / (1 - 0.9 ** (step + 1))) / ((second[rows] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
        mask[rows] = (mask[rows] - lr * update).clamp(0, 1)
        recent[step % WINDOW, rows] = variable.detach()  # the masks that the objective was computed for
        history[active, step] = objective.detach().cpu()
        # One shifted step says little: masks and objectives are judged as means over the last few steps.
        reached = history[active, max(0, step + 1 - WINDOW) : step + 1].mean(dim=1)
        better = reached < best[active]
        improved = active[better]
        best[improved] = reached[better]
        best_mask[improved.to(mask.device)] = recent[: step + 1, improved.to(mask.device)].mean(dim=0)

        keep = []
        for position, i in enumerate(active.tolist()):
            taken[i] = step + 1
            if not bool(finite[position]):
                stopped[i] = "not a number"
            elif step + 1 >= 2 * WINDOW and _settled(history[i, : step + 1]):
                stopped[i] = "no improvement"
            else:
                keep.append(i)
        if len(keep) < len(active):
            if not keep:
                break
            active = torch.tensor(keep)
            current = problem.only(active.to(mask.device))
    step_seconds = (time.perf_counter() - started) / max(taken)
    return Descent(best_mask, taken, stopped, out_of_time, step_seconds)


def _shift(jitter: int, generator: torch.Generator) -> tuple[int, int]:
    down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
    return down, right


def _settled(objectives: Tensor) -> bool:
    """Whether the last window's mean objective is no better than the window's before it."""
    last, before = objectives[-WINDOW:].mean(), objectives[-2 * WINDOW : -WINDOW].mean()
    return bool(last > before - TOLERANCE)
