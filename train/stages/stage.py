"""One training stage: epochs over shuffled batches, resumable after every epoch to the same result.

Nothing here depends on what was drawn before: the order of an epoch, its augmentation, what a network leaves out at
random and the learning rates are functions of the seed, the epoch and the step. So a checkpoint needs no random state.
Optimiser, schedule and the average of the weights are here as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from model_src.errors import RunError
from train.rank import Rank
from train.recipe import CinRecipe, FpaeRecipe
from train.runs.run_folder import RunFolder
from train.session import TrainingSession

Weights = dict[str, Tensor]  # a state dict
# Pixels that pass through a network at once, in all processes; larger batches add up gradients.
_MICRO_PIXELS, _LEAST_MICRO_BATCH = 64 * 128**2, 16
WARM_UP = 0.2  # share of a one-cycle schedule in which the rate rises
_BETWEEN_REPORTS = 0.2  # seconds
_LOWEST = 0.01  # of the peak rate, at both ends of the cycle


@dataclass
class Stage:
    """What differs between the stages of a training.

    `losses(indices, epoch)` gives, for this process's share of a micro-batch, a sum of losses with gradients;
    `norm(indices, epoch)` what the sum over the whole batch is divided by. `validate(network)` gives a dict with
    "score" (higher is better) and what goes into history.csv and metrics.json. `order(epoch)` gives the
    `images` numbers that an epoch shows, the same in every process; without it, each image once, shuffled.
    """

    name: str
    recipe: FpaeRecipe | CinRecipe
    network: nn.Module
    images: int
    micro_batch: int  # images that pass through the network at once
    losses: Callable[[np.ndarray, int], Tensor]
    norm: Callable[[np.ndarray, int], float]
    validate: Callable[[nn.Module], dict[str, float]]
    order: Callable[[int], np.ndarray] | None = None
    decay: float = 0.0  # of the weight average, 0 = off
    finish: Callable[[Weights], tuple[Weights, dict[str, float]]] | None = None  # the best weights -> final ones, facts
    best: dict[str, Any] = field(default_factory=dict)


def run_stage(stage: Stage, session: TrainingSession) -> None:
    """Train until the recipe's last epoch, then write the best weights on validation into the run folder."""
    run, rank = session.run, session.rank
    optimiser = make_optimiser(stage.network.parameters(), stage.recipe)
    average = WeightAverage(stage.network, stage.decay) if stage.decay else None
    first_epoch = _restore(stage, run, optimiser, average)
    rank.wait()  # until all have read the checkpoint, which the first process deletes in the end
    batch_size = stage.recipe.batch_size or stage.images
    steps_per_epoch = -(-stage.images // batch_size)
    total_steps = stage.recipe.epochs * steps_per_epoch

    with _progress(stage, session, first_epoch, steps_per_epoch) as report:
        for epoch in range(first_epoch, stage.recipe.epochs):
            stage.network.train()
            torch.manual_seed(_seed_of(epoch, rank, session.seed))
            begun, summed = time.perf_counter(), torch.zeros(())
            order = stage.order(epoch) if stage.order else shuffled(stage.images, epoch, session.seed)
            for number, batch in enumerate(batches(order, batch_size)):
                step = epoch * steps_per_epoch + number
                rate = learning_rate(stage.recipe, step, total_steps)
                set_learning_rate(optimiser, rate)
                loss = training_step(stage, optimiser, rank, batch, epoch)
                if average:
                    average.update(stage.network)
                summed = summed + loss * len(batch)
                report(epoch, loss, batch_size / max(1e-9, (time.perf_counter() - begun) / (number + 1)))
            mean_loss = float(summed) / stage.images
            speed = stage.images / (time.perf_counter() - begun)
            row = {"epoch": epoch + 1, "loss": mean_loss, "learning_rate": rate, "images_per_s": speed}
            _finish_epoch(stage, session, optimiser, average, row)
    if rank.is_first:
        weights, facts = stage.finish(stage.best["weights"]) if stage.finish else (stage.best["weights"], {})
        run.save_weights(stage.name, weights, stage.best["metrics"] | facts)
    rank.wait()


def _seed_of(epoch: int, rank: Rank, seed: int) -> int:
    """What a network leaves out at random is drawn anew in each epoch, so that a resumed one leaves out the same."""
    return int(np.random.default_rng((seed, epoch, rank.number)).integers(2**63))


def shuffled(images: int, epoch: int, seed: int) -> np.ndarray:
    """Every number once, in an order that the seed and the epoch decide."""
    return np.random.default_rng((seed, epoch)).permutation(images)


def batches(order: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Global batches of one epoch; the last may be smaller."""
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def micro_batch(size: int) -> int:
    """How many images of `size` pixels a side pass through a network at once; batch norm takes its moments of them."""
    return max(_LEAST_MICRO_BATCH, _MICRO_PIXELS // size**2 // _LEAST_MICRO_BATCH * _LEAST_MICRO_BATCH)


def training_step(stage: Stage, optimiser: torch.optim.Optimizer, rank: Rank, batch: np.ndarray, epoch: int) -> Tensor:
    """One optimiser step on a global batch; returns its loss, a scalar that a GPU may still be computing."""
    optimiser.zero_grad(set_to_none=True)
    norm, total = stage.norm(batch, epoch), torch.zeros(())
    for start in range(0, len(batch), stage.micro_batch):  # of all processes: batch norm sees the same images
        share = rank.share(batch[start : start + stage.micro_batch])
        summed = stage.losses(share, epoch) / norm
        (summed * rank.count).backward()  # DDP divides gradients by the number of processes
        total = total + rank.total(summed)
    optimiser.step()
    return total


def _finish_epoch(
    stage: Stage,
    session: TrainingSession,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    row: dict[str, Any],
) -> None:
    """Validate, keep the best weights so far, write the checkpoint. Raises RunError for a loss that is no number."""
    _check_finite(stage, row["epoch"], row["loss"])
    if session.rank.is_first:
        own = {name: value.detach().clone() for name, value in stage.network.state_dict().items()}
        try:
            if average:
                stage.network.load_state_dict(average.weights)
            measured = stage.validate(stage.network.eval())
            _check_finite(stage, row["epoch"], measured["score"])
            if not stage.best or measured["score"] >= stage.best["metrics"]["score"]:
                weights = {name: value.detach().clone() for name, value in stage.network.state_dict().items()}
                stage.best = {"weights": weights, "metrics": {**measured, "epoch": row["epoch"]}}
        finally:
            stage.network.load_state_dict(own)
        row |= {f"validation_{name}": value for name, value in measured.items() if name != "score"}
        state = {
            "epoch": row["epoch"],
            "network": own,
            "optimiser": optimiser.state_dict(),
            "average": average.state() if average else None,
            "best": stage.best,
        }
        session.run.save_checkpoint(stage.name, state, row)
    session.rank.wait()


def _check_finite(stage: Stage, epoch: int, value: float) -> None:
    """Weights that answer NaN would be kept, and resumed from, for ever."""
    if not math.isfinite(value):
        raise RunError(
            f"{stage.name}, epoch {epoch}: the loss is {value}, need a number; the epochs before are kept, and would "
            "lead here again: train anew with another --out, a smaller learning rate or --precision float32"
        )


def _restore(stage: Stage, run: RunFolder, optimiser: torch.optim.Optimizer, average: WeightAverage | None) -> int:
    """Continue from the checkpoint if there is one; returns the first epoch to run. Raises RunError."""
    state = run.load_checkpoint(stage.name)
    if state is None:
        return 0
    try:
        stage.network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        if average:
            average.restore(state["average"])
        stage.best = {name: state["best"][name] for name in ("weights", "metrics")}
        return int(state["epoch"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise RunError(
            f"{run.checkpoint_path(stage.name)}: not a state of this stage ({reason}); "
            "delete it to start this stage again"
        ) from error


def make_optimiser(parameters: Iterable[nn.Parameter], recipe: FpaeRecipe | CinRecipe) -> torch.optim.Optimizer:
    """The recipe's optimiser."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimiser]
    own = list(parameters)
    fused = own[0].is_cuda  # one kernel for all parameters
    return kind(own, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=fused or None)


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
        present = module.state_dict()
        moved = [name for name, value in present.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in moved], [present[name] for name in moved], 1 - decay)
        for name in present.keys() - moved:
            self.weights[name].copy_(present[name])

    def state(self) -> dict[str, int | dict[str, Tensor]]:
        """For a checkpoint."""
        return {"steps": self.steps, "weights": self.weights}

    def restore(self, state: dict) -> None:
        """From a checkpoint."""
        self.steps = state["steps"]
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)


class _progress:
    """A bar over all steps of a stage with loss and images per second; silent in all processes but the first."""

    def __init__(self, stage: Stage, session: TrainingSession, first_epoch: int, steps: int) -> None:
        self._epochs = stage.recipe.epochs
        self._bar = Progress(
            TextColumn(f"{stage.name:15}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
            TimeRemainingColumn(), console=session.console, disable=not session.rank.is_first,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=self._epochs * steps, completed=first_epoch * steps)
        self._unsaid, self._said = 0, 0.0

    def __enter__(self) -> Callable[[int, Tensor, float], None]:
        self._bar.start()
        return self._report

    def __exit__(self, *_: object) -> None:
        self._bar.update(self._task, advance=self._unsaid)
        self._bar.stop()

    def _report(self, epoch: int, loss: Tensor, speed: float) -> None:
        self._unsaid += 1
        if time.monotonic() - self._said < _BETWEEN_REPORTS:  # to read the loss is to wait for a GPU
            return
        text = f"epoch {epoch + 1}/{self._epochs}  loss {float(loss):.4f}  {speed:.1f} images/s"
        self._bar.update(self._task, advance=self._unsaid, description=text)
        self._unsaid, self._said = 0, time.monotonic()
