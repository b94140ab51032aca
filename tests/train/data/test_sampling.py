"""Drawing the films of an epoch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from train.data.examples import Example
from train.data.sampling import MOST_REPEATS, draw_films, share_out


def films(counts: dict[tuple[int, str, str], int]) -> list[Example]:
    """So many films of each class, source and view."""
    return [
        Example(Path(f"{label}{source}{view}{number}.png"), label, "", source, view=view)
        for (label, source, view), count in counts.items()
        for number in range(count)
    ]


def test_without_sampling_an_epoch_is_all_films_in_an_order_of_its_own() -> None:
    examples = films({(0, "a", "PA"): 7, (1, "b", "AP"): 3})
    first, second = (draw_films(examples, "none", 0, epoch, seed=5) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()
    assert first.tolist() == np.random.default_rng((5, 0)).permutation(10).tolist()  # as runs of older versions began


def test_without_sampling_a_number_of_films_shows_all_before_one_comes_again() -> None:
    examples = films({(0, "a", "PA"): 4})
    assert len(set(draw_films(examples, "none", 3, 0, 0))) == 3
    assert sorted(Counter(draw_films(examples, "none", 6, 0, 0).tolist()).values()) == [1, 1, 2, 2]


def test_by_class_every_class_is_shown_as_often() -> None:
    examples = films({(0, "a", "PA"): 50, (1, "a", "PA"): 20, (2, "b", "AP"): 5})
    drawn = draw_films(examples, "class", 60, 0, 0)
    assert Counter(examples[number].label for number in drawn) == {0: 20, 1: 20, 2: 20}
    assert Counter(drawn[drawn >= 70].tolist()) == dict.fromkeys(range(70, 75), 4)


def test_by_class_source_and_view_shares_go_down_the_levels() -> None:
    # 120 films: 40 a class. Class 0: 20 a source; of source a, 10 a view. Class 2 has one group alone.
    counts = {(0, "a", "PA"): 50, (0, "a", "AP"): 30, (0, "b", "PA"): 25, (1, "a", "AP"): 50, (2, "c", "?"): 30}
    examples = films(counts)
    drawn = [examples[number] for number in draw_films(examples, "class_source_view", 120, 3, 1)]
    assert Counter((e.label, e.source, e.view) for e in drawn) == {
        (0, "a", "PA"): 10, (0, "a", "AP"): 10, (0, "b", "PA"): 20, (1, "a", "AP"): 40, (2, "c", "?"): 40,
    }  # fmt: skip


def test_a_group_of_few_films_is_not_learnt_by_heart() -> None:
    # Source b has one film: it gives 10 of the 50 that it would have to, source a the other 90.
    examples = films({(0, "a", "PA"): 100, (0, "b", "PA"): 1})
    drawn = Counter(draw_films(examples, "class_source_view", 100, 0, 0).tolist())
    assert drawn[100] == MOST_REPEATS
    assert sum(drawn.values()) == 100
    # Where no group has more to give, fewer films are drawn.
    assert len(draw_films(films({(0, "a", "PA"): 1, (1, "a", "PA"): 1}), "class", 50, 0, 0)) == 2 * MOST_REPEATS


def test_an_odd_film_is_not_lost() -> None:
    assert share_out({(0,): 100, (1,): 100, (2,): 100}, 100) == {(0,): 34, (1,): 33, (2,): 33}


@pytest.mark.parametrize("sampling", ["none", "class", "class_source_view"])
def test_a_draw_depends_on_seed_and_epoch_alone(sampling: str) -> None:
    examples = films({(0, "a", "PA"): 9, (1, "b", "AP"): 9, (2, "b", "PA"): 4})
    draws = {(e, s): draw_films(examples, sampling, 18, e, s).tolist() for e in (0, 1) for s in (0, 1)}
    assert draws[1, 1] == draw_films(examples, sampling, 18, 1, 1).tolist()
    assert len({tuple(draw) for draw in draws.values()}) == 4
