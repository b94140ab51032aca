"""Images that several tests decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.data import image_cache
from train.data.examples import Example


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    """Six readable images of different content and size, two of each class."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(6):
        path = tmp_path / "images" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20 + number, 30), dtype=np.uint8)).save(path)
        found.append(Example(path, number % 3, str(number), ""))
    return found


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that are decoded from now on, in order."""
    seen: list[Path] = []

    def record(paths: list[Path], size: int, workers: int | None) -> object:
        seen.extend(paths)
        return real(paths, size, workers)

    real = image_cache.decode_files
    monkeypatch.setattr(image_cache, "decode_files", record)
    return seen
