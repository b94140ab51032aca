"""Alterations that another hospital's films might show, on films whose answer can be worked out."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from train.data import alterations
from train.data.alterations import (
    as_from_another_hospital,
    compress,
    erase_edges,
    expose,
    reposition,
    resharpen,
    with_gray_values,
)

Alteration = Callable[[Tensor, np.random.Generator], Tensor]


class Drawn(np.random.Generator):
    """A generator whose `random()` gives 0, so that every alteration with a share is made."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: int | tuple[int, ...] | None = None, dtype: type = float) -> float | np.ndarray:  # type: ignore[override]
        return 0.0 if size is None else np.zeros(size, dtype=dtype)


def _film(side: int = 48) -> Tensor:
    return torch.rand(side, side, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


ALTERATIONS: dict[str, Alteration] = {
    "erase_edges": erase_edges,
    "reposition": reposition,
    "expose": lambda film, draw: expose(film, draw, _film(len(film)) ** 2),
    "resharpen": resharpen,
    "compress": compress,
    "all": lambda film, draw: as_from_another_hospital(film, draw, _film(len(film)) ** 2),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_alteration_keeps_shape_and_range_and_leaves_its_film_alone(name: str) -> None:
    film = _film()
    before = film.clone()
    changed = False
    for seed in range(60):
        altered = ALTERATIONS[name](film, np.random.default_rng(seed))
        assert altered.shape == film.shape
        assert altered.dtype == torch.float32
        assert 0 <= altered.min() <= altered.max() <= 1
        changed |= not torch.equal(altered, film)
    assert changed
    assert torch.equal(film, before)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_tiny_film_is_taken(name: str) -> None:
    film = torch.rand(8, 8)
    for seed in range(40):
        assert ALTERATIONS[name](film, np.random.default_rng(seed)).shape == (8, 8)


def test_gray_values_of_another_film_keep_the_order_of_pixels() -> None:
    film = torch.tensor([[0.1, 0.4], [0.3, 0.2]])
    other = torch.tensor([[1.0, 0.0], [0.5, 0.25]])
    assert with_gray_values(film, other).tolist() == [[0.0, 1.0], [0.5, 0.25]]


def test_borders_of_at_most_a_seventh_are_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CORNER_SHARE", "HOLE_SHARE"):
        monkeypatch.setattr(alterations, name, -1.0)
    monkeypatch.setattr(alterations, "_cover", lambda film, draw: 0.0)
    film = torch.full((100, 100), 0.5)
    altered = erase_edges(film, Drawn())
    assert torch.equal(altered[14:-14, 14:-14], film[14:-14, 14:-14])
    for edge in range(4):
        assert not altered.rot90(edge)[0].any()


def test_a_film_is_mirrored_where_nothing_else_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROTATION_DEGREES", "STRETCH", "SHIFT"):
        monkeypatch.setattr(alterations, name, 0.0)
    monkeypatch.setattr(alterations, "CLOSEST", 1.0)
    film = torch.rand(32, 32)
    assert torch.allclose(reposition(film, Drawn()), film.flip(1), atol=1e-5)


def test_blur_takes_the_noise_away_and_keeps_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alterations, "NOISE", 0.0)
    film = _film(96)
    altered = resharpen(film, Drawn())
    assert altered.std() < 0.9 * film.std()
    assert altered.mean() == pytest.approx(float(film.mean()), abs=0.01)


def test_compression_is_a_coarse_jpeg() -> None:
    film = _film(64)
    altered = compress(film, Drawn())
    assert not torch.equal(altered, film)
    assert (altered * 255).round().div(255).sub(altered).abs().max() < 1e-6  # 256 gray values
