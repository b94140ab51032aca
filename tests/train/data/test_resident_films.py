"""Films kept on one device are the cache's, in the order in which they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from train.data import resident_films
from train.data.examples import Example
from train.data.image_cache import open_cache
from train.data.resident_films import ResidentFilms


def test_films_are_those_of_the_cache(examples: list[Example], tmp_path: Path) -> None:
    images = open_cache(examples, 16, tmp_path / "cache")
    films = ResidentFilms(images, torch.device("cpu"))
    wanted = np.array([4, 0, 4])
    assert len(films) == 6
    assert films.tensor(wanted).dtype == torch.float32
    assert torch.equal(films.tensor(wanted), images.tensor(wanted))


def test_more_films_than_are_copied_at_a_time(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident_films, "_AT_ONCE", 4)
    images = open_cache(examples, 16, tmp_path / "cache")
    films = ResidentFilms(images, torch.device("cpu"))
    assert torch.equal(films.tensor(np.arange(6)), images.tensor(np.arange(6)))
