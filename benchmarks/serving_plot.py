"""The picture of a serving benchmark: images per second and the wait of the slowest twentieth, over clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

_SERIES = (("coronet", "coronet serve", "#1b6ca8", "o"), ("fastapi", "FastAPI + ONNX Runtime", "#c8553d", "s"))


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the picture of benchmarks/serving_benchmark.py's result."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    rates, waits = figure.subplots(1, 2)
    for key, label, colour, marker in _SERIES:
        loads = result[key]["loads"]
        clients = [load["clients"] for load in loads]
        rates.plot(clients, [load["per_second"] for load in loads], marker=marker, color=colour, label=label)
        waits.plot(clients, [load["p95"] for load in loads], marker=marker, color=colour, label=label)
    for (name, rate), style in zip(sorted(result["in_process"].items(), reverse=True), ("--", ":"), strict=False):
        rates.axhline(rate, color="#555555", linestyle=style, linewidth=1, label=f"in process, {name} threads")
    for axes, title in ((rates, "images per second"), (waits, "95% answered within, seconds")):
        axes.set_xscale("log", base=2)
        axes.set_xticks(clients, [str(count) for count in clients])
        axes.set_xlabel("clients")
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    rates.legend(frameon=False, fontsize=8, loc="lower right")
    waits.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(path, dpi=130)
