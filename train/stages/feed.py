"""What a classifier is shown, batch by batch; a GPU is given many batches' inputs at once, which keeps it busy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from train.data.classifier_inputs import ClassifierInputs

AHEAD_ON_GPU = 1024  # films whose inputs are made at a time


class Feed:
    """The inputs and targets of an epoch's films in the order in which they are shown.

    Args:
        inputs: where they come from.
        order: the films of an epoch, int64 (n,).
        variants: which variant of each film an epoch shows.
        smoothing: share of a target that all classes have alike.
        ahead: films whose inputs are made at a time, 0 = those that are asked for.
    """

    def __init__(
        self,
        inputs: ClassifierInputs,
        order: Callable[[int], np.ndarray],
        variants: Callable[[np.ndarray, int], np.ndarray],
        smoothing: float,
        ahead: int,
    ) -> None:
        self._inputs, self._order, self._variants = inputs, order, variants
        self._smoothing, self._ahead = smoothing, ahead
        self._epoch, self._shown = -1, np.empty(0, dtype=np.int64)
        self._start = self._end = self._next = 0  # what is at hand, and where the epoch has come to
        self._at_hand: tuple[Tensor, Tensor] | None = None

    def take(self, films: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of `films`, which are the next of the epoch if any are made ahead."""
        if not self._ahead:
            return self._lesson(films, epoch)
        if epoch != self._epoch:
            self._epoch, self._shown = epoch, self._order(epoch)
            self._start = self._end = self._next = 0
        if self._next + len(films) > self._end or self._at_hand is None:
            self._start, self._end = self._next, min(self._next + max(self._ahead, len(films)), len(self._shown))
            self._at_hand = self._lesson(self._shown[self._start : self._end], epoch)
        here = slice(self._next - self._start, self._next - self._start + len(films))
        self._next += len(films)
        inputs, targets = self._at_hand
        return inputs[here], targets[here]

    def _lesson(self, films: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
        chosen, compute = self._variants(films, epoch), self._inputs.compute
        inputs = compute.send(self._inputs.load(films, chosen))
        targets = self._inputs.targets(films, chosen).to(compute.device)
        return inputs, targets * (1 - self._smoothing) + self._smoothing / targets.shape[1]
