"""One step of the descent on masks: objective, gradient, Adam; as it stands, or recorded as one CUDA graph."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from explanations.fast_model import FastModel
from explanations.mask import GRID, MaskUpsampler
from explanations.mask_problem import MaskProblem
from explanations.target_model import TargetModel
from model_src.cuda_graph import CudaGraph

logger = logging.getLogger(__name__)
_MOST_RECORDED = 4  # shapes, each with the memory of its activations
TOLERANCE = 0.01  # of the objective, between the recorded step and the plain one, in bfloat16


class Judged(NamedTuple):
    """What a step says of N masks, before it moves them."""

    masks: Tensor  # (N, 28, 28)
    objective: Tensor  # (N,)
    finite: Tensor  # (N,) bool: whether objective and gradient are numbers; the gradient of one that is not counts as 0


class MaskStep(Protocol):
    """Holds the masks of a descent."""

    def __call__(self, rows: Tensor, shift: tuple[int, int], number: int) -> Judged:
        """Judge the masks of some images, then move them.

        Args:
            rows: indices of the images, on the device; those of one call are among those of the call before.
            shift: of the masks, in pixels.
            number: of the step, from 0.
        """


@contextmanager
def mask_step(problem: MaskProblem, start: Tensor, lr: float) -> Iterator[MaskStep]:
    """The fastest step there is, from masks `start` (N, 28, 28), with step size `lr`.

    A recorded one is one caller's at a time: who finds it taken, or cannot record it, has the plain one.
    """
    recorded = _recorded(problem)
    if recorded is None:
        yield PlainStep(problem, start, lr)
        return
    try:
        recorded.begin(problem, start, lr)
        yield recorded
    finally:
        recorded.lock.release()


class PlainStep:
    """Only the images that are asked for are computed."""

    def __init__(self, problem: MaskProblem, start: Tensor, lr: float) -> None:
        self._problem, self._current, self._lr = problem, problem, lr
        self._mask = start.clone()
        self._first, self._second = torch.zeros_like(start), torch.zeros_like(start)

    def __call__(self, rows: Tensor, shift: tuple[int, int], number: int) -> Judged:
        """See MaskStep."""
        if len(rows) < len(self._current.x):
            self._current = self._problem.only(rows)
        judged, gradient = _judge(self._current, self._mask[rows], shift)
        self._first[rows], self._second[rows], update = _adam(
            gradient, self._first[rows], self._second[rows], 1 - 0.9 ** (number + 1), 1 - 0.999 ** (number + 1)
        )
        self._mask[rows] = (self._mask[rows] - self._lr * update).clamp(0, 1)
        return judged


class RecordedStep:
    """A CUDA graph for one number of images of one size; all of them are computed, whoever is asked for.

    Everything that differs between explanations lies in tensors that the graph reads. Take `lock` first.
    """

    def __init__(self, problem: MaskProblem) -> None:
        """Record the step.

        Raises:
            RuntimeError: it cannot be recorded, or does not fit into memory.
        """
        self.lock = threading.Lock()
        images, device = len(problem.x), problem.x.device
        draw = MaskUpsampler(problem.x.shape[-1], problem.draw.jitter, device)
        direction, area, tv, beta, self._lr, self._first_sum, self._second_sum = torch.ones(7, device=device)
        targets = TargetModel(problem.model.network, torch.zeros_like(problem.model.targets), device)
        self._problem = MaskProblem(
            targets, torch.zeros_like(problem.x), torch.zeros_like(problem.x), draw, direction, area, tv, beta
        )
        self._shift = torch.zeros(2, dtype=torch.long, device=device)
        self._mask, self._first, self._second = torch.zeros(3, images, GRID, GRID, device=device)
        self._graph = CudaGraph(self._step, device)

    def begin(self, problem: MaskProblem, start: Tensor, lr: float) -> None:
        """Take over the images, weights and masks of a descent."""
        own = self._problem
        own.model.targets.copy_(problem.model.targets)
        own.x.copy_(problem.x)
        own.perturbed.copy_(problem.perturbed)
        for name in ("direction", "area", "tv", "beta"):
            getattr(own, name).fill_(getattr(problem, name))
        self._lr.fill_(lr)
        self._mask.copy_(start)
        self._first.zero_()
        self._second.zero_()

    def __call__(self, rows: Tensor, shift: tuple[int, int], number: int) -> Judged:
        """See MaskStep."""
        self._shift.copy_(torch.tensor(shift))
        self._first_sum.fill_(1 - 0.9 ** (number + 1))
        self._second_sum.fill_(1 - 0.999 ** (number + 1))
        return Judged(*(value[rows] for value in self._graph.replay()))

    def _step(self) -> Judged:
        judged, gradient = _judge(self._problem, self._mask, self._shift)
        first, second, update = _adam(gradient, self._first, self._second, self._first_sum, self._second_sum)
        self._first.copy_(first)
        self._second.copy_(second)
        self._mask.copy_((self._mask - self._lr * update).clamp(0, 1))
        return judged


def _recorded(problem: MaskProblem) -> RecordedStep | None:
    """The recorded step for problems of this shape, its lock taken; None where there is none to be had."""
    model = problem.model.network
    if problem.x.device.type != "cuda" or not isinstance(model, FastModel) or not model.records:
        return None
    key = (len(problem.x), problem.x.shape[-1], problem.draw.jitter)
    if key not in model.recorded and len(model.recorded) < _MOST_RECORDED:
        model.recorded[key] = _checked(problem)
    found = model.recorded.get(key)
    return found if found is not None and found.lock.acquire(blocking=False) else None


def _checked(problem: MaskProblem) -> RecordedStep | None:
    """A recorded step that has said what the plain one says; None, and why in the log, where there is none."""
    images, device = len(problem.x), problem.x.device
    start, rows = torch.full((images, GRID, GRID), 0.5, device=device), torch.arange(images, device=device)
    try:
        recorded = RecordedStep(problem)
        recorded.begin(problem, start, 0.1)
        plain = PlainStep(problem, start, 0.1)
        apart = [(recorded(rows, (0, 0), n).objective - plain(rows, (0, 0), n).objective).abs().max() for n in (0, 1)]
        if not max(map(float, apart)) <= TOLERANCE:
            raise RuntimeError(f"its objective is off by {max(map(float, apart)):.3f}")
    except RuntimeError as error:
        logger.warning("explanations are slower than they could be: a step cannot be recorded (%s)", error)
        return None
    return recorded


def _judge(problem: MaskProblem, mask: Tensor, shift: tuple[int, int] | Tensor) -> tuple[Judged, Tensor]:
    """What is said of `mask` (N, 28, 28), and the gradient (N, 28, 28), 0 for an image where it is no number."""
    variable = mask.detach().clone().requires_grad_(True)
    terms = problem.terms(variable, shift)
    objective = terms.area + terms.tv + terms.probability
    (gradient,) = torch.autograd.grad(objective.sum(), variable)
    finite = gradient.isfinite().all(dim=2).all(dim=1) & objective.isfinite()
    gradient = torch.where(finite[:, None, None], gradient, torch.zeros_like(gradient))
    return Judged(variable.detach(), objective.detach(), finite), gradient


def _adam(
    gradient: Tensor, first: Tensor, second: Tensor, first_sum: Tensor | float, second_sum: Tensor | float
) -> tuple[Tensor, Tensor, Tensor]:
    """Adam's new moments and its step; the sums are those of the weights in the moments."""
    first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * gradient.square()
    return first, second, (first / first_sum) / ((second / second_sum).sqrt() + 1e-8)
