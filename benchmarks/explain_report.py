"""The explanation benchmark's results and its report: one row per method, as JSON and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explanations import DEFAULT_METHOD

REFERENCE = "reference"


@dataclass
class Found:
    """One method's results on a set, a value per image (None where it does not apply)."""

    seconds: list[float] = field(default_factory=list)  # wall clock, the map alone
    cpu_seconds: list[float] = field(default_factory=list)  # of all threads: tells a busy machine from a slow method
    steps: list[int] = field(default_factory=list)
    deletion: list[float] = field(default_factory=list)
    insertion: list[float] = field(default_factory=list)
    pointing: list[bool | None] = field(default_factory=list)
    iou: list[float | None] = field(default_factory=list)
    cin_randomised: list[float] = field(default_factory=list)  # rank correlation of maps, first --sanity-images
    all_randomised: list[float] = field(default_factory=list)
    maps: list[np.ndarray] = field(default_factory=list)


def facts(found: Found) -> dict[str, Any]:
    """Everything of a row that belongs into the JSON report."""
    return {name: value for name, value in asdict(found).items() if name != "maps"}


def hardware(device: torch.device, threads: int) -> str:
    """Processor, cores, threads, device and torch version in one line."""
    model = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.is_file():
        names = [text for text in described.read_text().splitlines() if text.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    graphics = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    return f"{model}, {os.cpu_count()} cores, {threads} threads{graphics}, torch {torch.__version__}"


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown tables."""
    text = [f"`{report['command']}`", "", f"{report['date']}; {report['hardware']}", ""]
    pace = report["pace_seconds"]
    text += [
        f"One image: forward {1e3 * pace['forward']:.0f} ms, forward and backward {1e3 * pace['gradient']:.0f} ms, "
        f"step on the mask {1e3 * pace['mask_step']:.0f} ms.",
        "",
    ]
    for name, found in report["sets"].items():
        text += [f"{found['images']} {name}, the predicted class explained (accuracy {found['accuracy']:.2f}):", ""]
        text += [
            "| method | images | s/image | CPU s/image | steps | deletion | insertion | ins - del | pointing | IoU |"
        ]
        text[-1] += " CIN random | all random |"
        text += ["| --- |" + " ---: |" * 11]
        text += [line(method, Found(**row)) for method, row in found["methods"].items()]
        text += [""]
        rows = found["methods"]
        if REFERENCE in rows and DEFAULT_METHOD in rows:
            count = len(rows[REFERENCE]["seconds"])
            ours = Found(**{k: v[:count] if isinstance(v, list) else v for k, v in rows[DEFAULT_METHOD].items()})
            theirs = Found(**rows[REFERENCE])
            text += [
                f"On the reference's {count} images: {DEFAULT_METHOD} is "
                f"{mean(theirs.seconds) / mean(ours.seconds):.1f} times as fast by the clock, "
                f"{mean(theirs.cpu_seconds) / mean(ours.cpu_seconds):.1f} times by processor time; insertion minus "
                f"deletion {gain(ours):.3f} (reference {gain(theirs):.3f}).",
                "",
            ]
        if "batch" in found:
            batch = found["batch"]
            text += [
                f"{batch['images']} images together: {batch['together']:.3f} images/s, one by one "
                f"{batch['one_by_one']:.3f} images/s ({batch['together'] / batch['one_by_one']:.2f} times, "
                f"{batch['together_cpu'] / batch['one_by_one_cpu']:.2f} times by processor time).",
                "",
            ]
    return "\n".join(text)


def line(method: str, found: Found) -> str:
    """One row of the table."""
    cells = [
        str(len(found.seconds)),
        f"{mean(found.seconds):.2f}",
        f"{mean(found.cpu_seconds):.2f}",
        f"{mean(found.steps):.0f}",
        f"{mean(found.deletion):.3f}",
        f"{mean(found.insertion):.3f}",
        f"{gain(found):.3f}",
    ]
    for values in (found.pointing, found.iou, found.cin_randomised, found.all_randomised):
        there = [float(value) for value in values if value is not None]
        cells.append(f"{mean(there):.2f} ({len(there)})" if there else "-")
    return f"| {method} | " + " | ".join(cells) + " |"


def gain(found: Found) -> float:
    """Mean insertion minus mean deletion."""
    return mean(found.insertion) - mean(found.deletion)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean."""
    return float(np.mean(values))
