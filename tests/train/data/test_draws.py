"""Random numbers of films: whose they are decides them, not who else is drawn for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from train.data.draws import Draws

FILMS, VARIANTS = torch.tensor([5, 6, 7, 5]), torch.tensor([1, 1, 1, 2])


def many(seed: int = 0, purpose: int = 1, films: int = 20_000) -> Draws:
    """Streams of the first films, each in its variant 1."""
    return Draws(torch.arange(films), torch.ones(films, dtype=torch.int64), seed, purpose)


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def splitmix(number: int) -> int:
    """SplitMix64's finaliser as its authors write it, in Python's whole numbers."""
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB % 2**64
    return number ^ (number >> 31)


def test_the_first_number_is_the_hash_of_whose_it_is() -> None:
    step, key = 0x9E3779B97F4A7C15, 11
    for part in (5, 2, 17):  # film, variant, purpose
        key = splitmix((key * step + part) % 2**64)
    first = Draws(torch.tensor([5]), torch.tensor([2]), seed=11, purpose=17).uniform()
    assert float(first) == (splitmix((key + step) % 2**64) >> 40) / 2**24


def test_a_film_has_the_same_stream_whoever_is_beside_it() -> None:
    def all_kinds(draws: Draws) -> list[Tensor]:
        shape = (2, 3)
        return [draws.uniform(), draws.whole(2, 9, shape), draws.normal(shape), draws.chance(0.5, shape)]

    together = all_kinds(Draws(FILMS, VARIANTS, 3, 1))
    for row in range(len(FILMS)):
        alone = all_kinds(Draws(FILMS[row : row + 1], VARIANTS[row : row + 1], 3, 1))
        assert all(torch.equal(own, of_all[row : row + 1]) for own, of_all in zip(alone, together, strict=True))


def test_a_part_of_the_films_goes_on_where_all_have_come_to() -> None:
    draws, again = Draws(FILMS, VARIANTS, 3, 1), Draws(FILMS, VARIANTS, 3, 1)
    first = draws.uniform(shape=(4,))
    part = draws.of(torch.tensor([2, 0])).uniform(shape=(5,))
    assert torch.equal(draws.uniform(shape=(5,))[[2, 0]], part)
    assert torch.equal(again.uniform(shape=(9,)), torch.cat([first, draws_after(4, 5)], 1))


def draws_after(used: int, count: int) -> Tensor:
    draws = Draws(FILMS, VARIANTS, 3, 1)
    draws.uniform(shape=(used,))
    return draws.uniform(shape=(count,))


@pytest.mark.parametrize("other", [{"seed": 1}, {"purpose": 2}], ids=["seed", "purpose"])
def test_other_seeds_and_purposes_have_nothing_in_common(other: dict[str, int]) -> None:
    own, others = many().uniform(), many(**other).uniform()
    assert abs(correlation(own, others)) < 0.03  # 4 deviations of 20,000 pairs
    assert not (own == others).all()


def test_neighbours_and_numbers_of_one_stream_have_nothing_in_common() -> None:
    numbers = many().uniform(shape=(2,))
    assert abs(correlation(numbers[:, 0], numbers[:, 1])) < 0.03
    assert abs(correlation(numbers[:-1, 0], numbers[1:, 0])) < 0.03
    assert len(numbers.unique()) > 0.99 * numbers.numel()


def test_numbers_are_uniform_between_their_ends() -> None:
    numbers = many().uniform(2, 6, (5,))
    assert 2 <= numbers.min() < 2.001 < 5.999 < numbers.max() < 6
    counts = torch.histc(numbers, bins=10, min=2, max=6)
    # Chi-squared of 9 degrees of freedom: 27.9 is passed once in a thousand.
    assert float(((counts - 10_000).square() / 10_000).sum()) < 27.9


def test_shares_whole_numbers_and_the_normal_are_what_they_are_called() -> None:
    assert float(many().chance(0.3).float().mean()) == pytest.approx(0.3, abs=0.013)  # 4 deviations
    assert not many().chance(0.0).any()
    assert many().chance(1.0).all()
    whole = many().whole(3, 7)
    assert whole.dtype == torch.int64
    assert torch.bincount(whole).tolist()[:3] == [0, 0, 0]
    assert torch.bincount(whole)[3:].tolist() == pytest.approx([5000] * 4, rel=0.05)
    assert len(torch.bincount(whole)) == 7
    assert (many().whole(4, 4) == 4).all()
    normal = many().normal((5,))
    assert float(normal.mean()) == pytest.approx(0, abs=0.013)
    assert float(normal.std()) == pytest.approx(1, abs=0.01)
    assert float((normal.abs() < 1.96).float().mean()) == pytest.approx(0.95, abs=0.003)
