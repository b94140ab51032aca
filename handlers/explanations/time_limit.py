"""How long a request will take on this machine, and a 400 for one that cannot finish in the server's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from handlers.explanations.chain import Chain
from handlers.explanations.fast_chain import fast_copy
from handlers.explanations.registry import METHODS
from handlers.explanations.request import ExplainOptions
from handlers.explanations.state import borrowed
from model_src.coronet import CoroNet
from model_src.errors import InvalidRequest


@dataclass(frozen=True)
class Pace:
    """Seconds for one image at the served size; see `measure_pace`."""

    forward: float  # the chain, without a gradient
    gradient: float  # the chain, forward and backward
    mask_step: float  # the fast copy, forward and backward


def measure_pace(coronet: CoroNet, image_size: int) -> Pace:
    """Time one image each way on a chain that is warm.

    The shorter of two runs counts: a busy moment is no reason to refuse requests.
    """
    device = next(coronet.parameters()).device
    with borrowed(coronet, seed=0):
        chain = Chain(coronet, [0], device)
        fast = Chain(fast_copy(coronet), [0], device)
        x = torch.full((1, 1, image_size, image_size), 0.5, device=device)

        def forward() -> None:
            with torch.no_grad():
                chain.probability(x)

        def gradient(of: Chain) -> Callable[[], None]:
            return lambda: of.probability(x.clone().requires_grad_(True)).sum().backward()

        return Pace(_shorter(forward, device), _shorter(gradient(chain), device), _shorter(gradient(fast), device))


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
    """Time for one image: the map and its scores. A `time_budget` bounds the map's part."""
    settings = options.settings
    work = METHODS[options.method].work(settings)
    seconds = work.forwards * pace.forward + work.gradients * pace.gradient + work.mask_steps * pace.mask_step
    budget = getattr(settings, "time_budget", None)
    if budget is not None:
        seconds = min(seconds, budget)
    return seconds + (2 * settings.score_steps + 2) * pace.forward


def check_time(options: ExplainOptions, pace: Pace, limit: float) -> None:
    """Refuse a request that would not finish within `limit` seconds.

    Raises:
        InvalidRequest: it would take longer; the message says how long, and which `steps` would fit.
    """
    needed = expected_seconds(options, pace)
    if needed <= limit:
        return
    fitting = max(1, int(options.steps * limit / needed * 0.9))
    budget = " or set time_budget" if hasattr(options.settings, "time_budget") else ""
    raise InvalidRequest(
        f"steps: {options.steps} steps of {options.method} with these options take about {needed:.0f} s on this "
        f"server, which has {limit:.0f} s for an answer; ask for about {fitting} steps{budget}"
    )
