"""Keys that are given to a server instead of being made at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MountedKeys:
    """Where they are (fronts/keys.py says in which form), and how long one stays good that is taken away."""

    path: Path
    overlap: float  # seconds
