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
    # 108 films: 36 a class. Class 0: source a has 64 films, b has 16, so a gives 2 of 3 (8 to 4); of a's 24, 12 a view.
    # Class 2 has one group alone.
    counts = {(0, "a", "PA"): 50, (0, "a", "AP"): 14, (0, "b", "PA"): 16, (1, "a", "AP"): 50, (2, "c", "?"): 30}
    examples = films(counts)
    drawn = [examples[number] for number in draw_films(examples, "class_source_view", 108, 3, 1)]
    assert Counter((e.label, e.source, e.view) for e in drawn) == {
        (0, "a", "PA"): 12, (0, "a", "AP"): 12, (0, "b", "PA"): 12, (1, "a", "AP"): 36, (2, "c", "?"): 36,
    }  # fmt: skip


def test_a_hundred_times_as_many_films_count_ten_times_as_much() -> None:
    room = {(0, "a", "PA"): 10_000, (0, "b", "PA"): 100}
    assert share_out(room, 110) == {(0, "a", "PA"): 100, (0, "b", "PA"): 10}
    # What the small source cannot give comes from the large one.
    assert share_out({(0, "a", "PA"): 10_000, (0, "b", "PA"): 4}, 1020) == {(0, "a", "PA"): 1016, (0, "b", "PA"): 4}


def test_a_group_of_few_films_is_not_learnt_by_heart() -> None:
    # Source b has one film of 101: it would give 1 of 11 of 220 films, and gives 10; source a the other 210.
    examples = films({(0, "a", "PA"): 100, (0, "b", "PA"): 1})
    drawn = Counter(draw_films(examples, "class_source_view", 220, 0, 0).tolist())
    assert drawn[100] == MOST_REPEATS
    assert sum(drawn.values()) == 220
    # Where no group has more to give, fewer films are drawn.
    assert len(draw_films(films({(0, "a", "PA"): 1, (1, "a", "PA"): 1}), "class", 50, 0, 0)) == 2 * MOST_REPEATS


def test_an_odd_film_is_not_lost() -> None:
    assert share_out({(0,): 100, (1,): 100, (2,): 100}, 100) == {(0,): 34, (1,): 33, (2,): 33}
    # Of 100, sources of 3, 2 and 1 parts would give 50, 33 1/3 and 16 2/3: the smallest gives 17, the next 34 (2 of 5
    # parts of the 83 left are 33.2), the largest the rest.
    sources = {(0, "a"): 900, (0, "b"): 400, (0, "c"): 100}
    assert share_out(sources, 100) == {(0, "a"): 49, (0, "b"): 34, (0, "c"): 17}


@pytest.mark.parametrize("sampling", ["none", "class", "class_source_view"])
def test_a_draw_depends_on_seed_and_epoch_alone(sampling: str) -> None:
    examples = films({(0, "a", "PA"): 9, (1, "b", "AP"): 9, (2, "b", "PA"): 4})
    draws = {(e, s): draw_films(examples, sampling, 18, e, s).tolist() for e in (0, 1) for s in (0, 1)}
    assert draws[1, 1] == draw_films(examples, sampling, 18, 1, 1).tolist()
    assert len({tuple(draw) for draw in draws.values()}) == 4
