"""Optimisers, learning-rate schedules and weight averaging, each a pure function of the recipe and the step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from train.recipe import CinRecipe, FpaeRecipe

WARM_UP = 0.2  # share of a one-cycle schedule in which the rate rises
_LOWEST = 0.01  # of the peak rate, at both ends of the cycle


def make_optimiser(parameters: Iterable[nn.Parameter], recipe: FpaeRecipe | CinRecipe) -> torch.optim.Optimizer:
    """The recipe's optimiser."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimiser]
    return kind(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def learning_rate(recipe: FpaeRecipe | CinRecipe, step: int, steps: int) -> float:
    """Rate of step `step` of `steps`: constant, or one cosine cycle up and down (one_cycle)."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = max(1, round(WARM_UP * steps))
    phase = step / rise if step < rise else 1 - (step - rise) / max(1, steps - rise)
    shape = 0.5 * (1 - math.cos(math.pi * phase))
    return recipe.learning_rate * (_LOWEST + (1 - _LOWEST) * shape)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of all parameter groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate


class WeightAverage:
    """Exponential moving average of a module's state dict, with the start-up bias of early steps kept short."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's present weights and buffers."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)
            else:
                self.weights[name].copy_(value)

    def state(self) -> dict[str, int | dict[str, Tensor]]:
        """For a checkpoint."""
        return {"steps": self.steps, "weights": self.weights}

    def restore(self, state: dict) -> None:
        """From a checkpoint."""
        self.steps = state["steps"]
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)
