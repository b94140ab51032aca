"""Explanations on a GPU: the descent's step as it stands beside the recorded one, and whether both say the same."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import torch

from benchmarks.gpu_record import Record, Row
from explanations import mask_step
from explanations.explain import Attribution, explain_batch
from explanations.fast_model import record_steps
from explanations.options import parse_options
from model_src import torchscript
from model_src.networks.coronet import CoroNet
from phantoms.generate import make_phantom

RECORDED, PLAIN = "recorded", "as it stands"


def explanations(record: Record, rows: list[Row]) -> None:
    """The default explanation, of one film and of eight together; the first of a shape records."""
    options = parse_options({} if record.on_gpu else {"steps": 2, "score_steps": 4})
    network = CoroNet(torchscript.script(record.coronet.tfen), torchscript.script(record.coronet.cin)).eval()
    record_steps(network)
    for images in (1, 8) if record.on_gpu else (1,):
        pixels = [make_phantom(2, seed=n, size=max(record.image_size, 32)).image for n in range(images)]
        x = torch.stack([torch.from_numpy(p).float()[None] / 255 for p in pixels]).to(record.device)
        targets = network(x).argmax(dim=1).tolist()

        def run(x: torch.Tensor = x, targets: list[int] = targets) -> list[Attribution]:
            return explain_batch(network, x, targets, options)

        found: dict[str, list[Attribution]] = {}
        seconds: dict[str, float] = {}
        for name, choose in _steps().items():
            with patch.object(mask_step, "_recorded", choose):
                first = _once(record, run)
                found[name] = run()
                seconds[name] = record.seconds(run, most=3)
            step = found[name][0].step_seconds
            record.add(rows, {
                "films": images, "step": name, "first_s": first, "s": seconds[name],
                "ms_of_a_step": 1000 * step if step else float("nan"),
                "steps": max(a.steps for a in found[name]),
                "insertion_minus_deletion": sum(a.insertion - a.deletion for a in found[name]) / images,
                "times_faster": seconds[PLAIN] / seconds[name],
            })  # fmt: skip
        apart = max(abs(a.heatmap - b.heatmap).max() for a, b in zip(*found.values(), strict=True))
        again = max(abs(a.heatmap - b.heatmap).max() for a, b in zip(found[RECORDED], run(), strict=True))
        record.add(
            rows, {"films": images, "step": "largest difference", "map": float(apart), "map_again": float(again)}
        )


def parts(record: Record, rows: list[Row]) -> None:
    """Where the time of one explanation goes: the functions of our own that take longest."""
    import cProfile
    import pstats

    options = parse_options({} if record.on_gpu else {"steps": 2, "score_steps": 4})
    network = CoroNet(torchscript.script(record.coronet.tfen), torchscript.script(record.coronet.cin)).eval()
    record_steps(network)
    pixels = make_phantom(2, seed=0, size=max(record.image_size, 32)).image
    x = (torch.from_numpy(pixels).float()[None, None] / 255).to(record.device)
    for _ in range(2):
        explain_batch(network, x, [2], options)
    with cProfile.Profile() as profile:
        explain_batch(network, x, [2], options)
        record.synchronize()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    ours = [(key, value) for key, value in stats.items() if "explanations" in key[0] or "coronet" in key[0]]
    for (file, _, name), (calls, _, own, whole, _) in sorted(ours, key=lambda item: -item[1][3])[:22]:
        record.add(rows, {
            "function": f"{file.rsplit('/', 1)[-1]}: {name}", "calls": calls, "ms": 1000 * whole, "own_ms": 1000 * own
        })  # fmt: skip


def _steps() -> dict[str, Callable[[object], object]]:
    return {PLAIN: lambda problem: None, RECORDED: mask_step._recorded}  # type: ignore[dict-item]


def _once(record: Record, run: Callable[[], object]) -> float:
    import time

    begun = time.perf_counter()
    run()
    record.synchronize()
    return time.perf_counter() - begun
