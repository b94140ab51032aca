"""What the sections of the GPU benchmark share: a device, a clock, and a file that keeps what a cut run has found."""

from __future__ import annotations

import json
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.table import Table

from model_src.networks.coronet import CoroNet

Row = dict[str, Any]
Made = TypeVar("Made")
Measure = Callable[["Record", list[Row]], None]
_WARM_UP = 3


@dataclass
class Record:
    """One run of the benchmark: what it measures with, and what it has found so far."""

    coronet: CoroNet  # eager, on the device
    device: torch.device
    image_size: int
    batches: list[int]
    large_size: int
    large_batches: list[int]
    rounds: int
    ends: float  # time.monotonic() by which no new section begins
    out: Path | None
    found: dict[str, Any] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)
    console: Console = field(default_factory=lambda: Console(width=150))

    @property
    def on_gpu(self) -> bool:
        """Whether it is a CUDA device; on a CPU every line runs, and no figure means anything."""
        return self.device.type == "cuda"

    def section(self, name: str, measure: Measure) -> None:
        """Measure one thing; its failure is written down and harms no other."""
        rows: list[Row] = []
        entry: dict[str, Any] = {"rows": rows}
        self.found[name] = entry
        if time.monotonic() > self.ends:
            entry["left_out"] = "no time left"
        else:
            begun = time.perf_counter()
            try:
                measure(self, rows)
            except Exception as error:
                entry["error"] = "".join(traceback.format_exception(error))[-3000:]
            entry["seconds"] = round(time.perf_counter() - begun, 1)
        self.write()
        self._print(name, entry)
        if self.on_gpu:
            torch.cuda.empty_cache()

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What sections share: made by the first that asks."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def add(self, rows: list[Row], row: Row) -> None:
        """One line of a section, kept at once."""
        rows.append(row)
        self.write()

    def write(self) -> None:
        """Everything so far."""
        if self.out:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(json.dumps(self.found, indent=1) + "\n")

    def synchronize(self) -> None:
        """Wait for the GPU."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, call: Callable[[], object], most: float = 1.5) -> float:
        """Median time of a call, to its end on the device; fewer rounds where they would take more than `most` s."""
        if not self.on_gpu:
            return _once(call)
        begun = time.perf_counter()
        for _ in range(_WARM_UP):
            call()
        self.synchronize()
        once = (time.perf_counter() - begun) / _WARM_UP
        times = []
        for _ in range(max(3, min(self.rounds, int(most / once)))):
            begun = time.perf_counter()
            call()
            self.synchronize()
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    def device_seconds(self, call: Callable[[], object], repeats: int = 20) -> float:
        """Time of a call on the device alone, many of them behind one another."""
        if not self.on_gpu:
            return self.seconds(call)
        for _ in range(_WARM_UP):
            call()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(repeats):
            call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1000 / repeats

    def _print(self, name: str, entry: dict[str, Any]) -> None:
        self.console.print(f"\n[bold]{name}[/] ({entry.get('seconds', 0)} s)")
        if rows := entry["rows"]:
            columns = list(dict.fromkeys(key for row in rows for key in row))
            table = Table(*columns)
            for row in rows:
                table.add_row(*(_text(row.get(column, "")) for column in columns))
            self.console.print(table)
        if problem := entry.get("error") or entry.get("left_out"):
            self.console.print(problem[-1500:], markup=False)


def _once(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
