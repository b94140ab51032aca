"""How long a request will take on this machine, and a 400 for one that cannot finish in the server's time."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from explanations.fast_model import fast_model
from explanations.options import ExplainOptions
from explanations.preserved_state import preserved_state
from explanations.registry import METHODS
from explanations.settings import options_of
from explanations.target_model import TargetModel
from model_src.errors import InvalidRequest
from model_src.networks.coronet import CoroNet


@dataclass(frozen=True)
class Pace:
    """Seconds for one image at the served size; see `measure_pace`."""

    forward: float  # the network, without a gradient
    gradient: float  # the network, forward and backward
    mask_step: float  # the fast copy, forward and backward

    def lowered(self, mask_step: float) -> Pace:
        """The pace after a mask step of one image has taken `mask_step` seconds.

        A shorter time than was measured means that the machine was busy then, for all three in proportion.
        """
        part = min(1.0, mask_step / self.mask_step)
        return Pace(self.forward * part, self.gradient * part, self.mask_step * part)


def measure_pace(network: CoroNet, image_size: int) -> Pace:
    """Time one image each way on a network that is warm.

    The shorter of two runs counts: a busy moment is no reason to refuse requests.
    """
    device = next(network.parameters()).device
    with preserved_state(network, seed=0):
        model = TargetModel(network, [0], device)
        fast = TargetModel(fast_model(network), [0], device)
        x = torch.full((1, 1, image_size, image_size), 0.5, device=device)

        def forward() -> None:
            with torch.no_grad():
                model.probability(x)

        def gradient(of: TargetModel) -> Callable[[], None]:
            return lambda: of.probability(x.clone().requires_grad_(True)).sum().backward()

        return Pace(_shorter(forward, device), _shorter(gradient(model), device), _shorter(gradient(fast), device))


def _shorter(run: Callable[[], None], device: torch.device) -> float:
    times = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
    return min(times)


def expected_seconds(options: ExplainOptions, pace: Pace) -> float:
    """Time for one image: the map and its scores.

    A `time_budget` bounds the gradients of the map, of which at least two are taken: one for the start, one step.
    """
    settings = options.settings
    work = METHODS[options.method].work(settings)
    seconds = work.gradients * pace.gradient + work.mask_steps * pace.mask_step
    budget = getattr(settings, "time_budget", None)
    if budget is not None:
        seconds = min(seconds, max(budget, 2 * pace.mask_step))
    return seconds + (work.forwards + 2 * settings.score_steps + 2) * pace.forward


def check_time(options: ExplainOptions, pace: Pace, limit: float, images: int = 1) -> None:
    """Refuse an image's explanation that would not finish within its share of `limit` seconds for `images`.

    Raises:
        InvalidRequest: it would take longer; the message says how long, and which `steps` would fit, or, where none
            would, which field costs most.
    """
    share = limit / images
    needed = expected_seconds(options, pace)
    if needed <= share:
        return
    there_is = f"which has {limit:.0f} s for an answer"
    if images > 1:
        there_is += f", so {share:.0f} s for each of {images} images"
    fitting = _fitting_steps(options, pace, share)
    if fitting:
        budget = " or set time_budget" if hasattr(options.settings, "time_budget") else ""
        raise InvalidRequest(
            f"steps: {options.steps} steps of {options.method} with these options take about {needed:.0f} s on this "
            f"server, {there_is}; ask for at most {fitting}{budget}"
        )
    name, cheapest = _dearest(options, pace)
    if expected_seconds(_with(options, name, cheapest), pace) >= needed:  # nothing that could be asked for is cheaper
        raise InvalidRequest(
            f"method: {options.method} takes about {needed:.0f} s on this server, {there_is}, and no option would make "
            "it fit; ask for another method" + (" or for fewer images" if images > 1 else "")
        )
    raise InvalidRequest(
        f"{name}: {getattr(options.settings, name)} with these options of {options.method} takes about {needed:.0f} s "
        f"on this server, {there_is}, and no number of steps would fit; ask for another {name} ({cheapest} takes least)"
        + (" or for fewer images" if images > 1 else "")
    )


def _fitting_steps(options: ExplainOptions, pace: Pace, limit: float) -> int:
    """The largest `steps` up to the one asked for that takes at most `limit` seconds; 0 where none does."""
    return bisect_right(
        range(1, options.steps + 1), limit, key=lambda steps: expected_seconds(_with(options, "steps", steps), pace)
    )


def _dearest(options: ExplainOptions, pace: Pace) -> tuple[str, Any]:
    """The field beside `steps` that saves most time with its cheapest value, and that value."""
    values = [
        (name, value)
        for name, (option, _) in options_of(type(options.settings)).items()
        if name != "steps" and option.whole
        for value in option.choices or (int(option.low),)
    ]
    return min(values, key=lambda chosen: expected_seconds(_with(options, *chosen), pace))


def _with(options: ExplainOptions, name: str, value: Any) -> ExplainOptions:
    return replace(options, settings=replace(options.settings, **{name: value}))
