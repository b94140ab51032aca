"""Gradient descent on masks, many images at once: which steps are taken, and which mask is the answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from explanations.deadline import Deadline, over
from explanations.mask_problem import MaskProblem
from explanations.mask_step import mask_step

WINDOW = 5  # steps over which the objective is averaged before asking whether it still falls
TOLERANCE = 0.002  # of the objective, per window


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
    history = torch.full((images, steps), float("nan"))
    taken, stopped = [0] * images, ["steps"] * images
    best, best_mask = torch.full((images,), float("inf")), start.clone()
    recent = torch.zeros(WINDOW, *start.shape, device=start.device)  # ring of the last masks that were judged
    active = torch.arange(images)
    out_of_time = False
    started = time.perf_counter()
    with mask_step(problem, start, lr) as take:
        for step in range(steps):
            if step and over(deadline):
                out_of_time = True
                for i in active.tolist():
                    stopped[i] = "time"
                break
            rows = active.to(start.device)
            judged = take(rows, _shift(problem.draw.jitter, generator), step)
            recent[step % WINDOW, rows] = judged.masks
            history[active, step] = judged.objective.cpu()
            finite = judged.finite.tolist()
            # One shifted step says little: masks and objectives are judged as means over the last few steps.
            reached = history[active, max(0, step + 1 - WINDOW) : step + 1].mean(dim=1)
            better = reached < best[active]
            improved = active[better]
            best[improved] = reached[better]
            best_mask[improved.to(start.device)] = recent[: step + 1, improved.to(start.device)].mean(dim=0)

            keep = []
            for position, i in enumerate(active.tolist()):
                taken[i] = step + 1
                if not finite[position]:
                    stopped[i] = "not a number"
                elif step + 1 >= 2 * WINDOW and _settled(history[i, : step + 1]):
                    stopped[i] = "no improvement"
                else:
                    keep.append(i)
            if not keep:
                break
            active = torch.tensor(keep)
    step_seconds = (time.perf_counter() - started) / max(taken)
    return Descent(best_mask, taken, stopped, out_of_time, step_seconds)


def _shift(jitter: int, generator: torch.Generator) -> tuple[int, int]:
    down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
    return down, right


def _settled(objectives: Tensor) -> bool:
    """Whether the last window's mean objective is no better than the window's before it."""
    last, before = objectives[-WINDOW:].mean(), objectives[-2 * WINDOW : -WINDOW].mean()
    return bool(last > before - TOLERANCE)
