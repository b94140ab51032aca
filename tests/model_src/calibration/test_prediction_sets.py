"""Prediction sets: thresholds worked out by hand, and coverage of simulated classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_src.calibration.prediction_sets import LEVELS, lowest_probability, prediction_set


def test_thresholds_worked_out_by_hand() -> None:
    nineteen = [i / 20 for i in range(1, 20)]  # 0.05, 0.10 ... 0.95
    # (19 + 1) x 10% = 2: the second smallest; (19 + 1) x 5% = 1: the smallest.
    assert lowest_probability(nineteen, 90) == 0.10
    assert lowest_probability(nineteen[::-1], 95) == 0.05


@pytest.mark.parametrize(("films", "level"), [(8, 90), (18, 95), (0, 90)])
def test_too_few_films_leave_a_class_in_every_set(films: int, level: int) -> None:
    assert lowest_probability([0.9] * films, level) == 0.0


@pytest.mark.parametrize(("films", "level"), [(9, 90), (19, 95)])
def test_just_enough_films(films: int, level: int) -> None:
    assert lowest_probability([0.9] * films, level) == 0.9


def test_sets_hold_what_is_not_below_and_begin_with_the_most_probable() -> None:
    assert prediction_set((0.2, 0.5, 0.3), (0.2, 0.5, 0.0)) == (1, 2, 0)
    assert prediction_set((0.2, 0.5, 0.3), (0.3, 0.4, 0.4)) == (1,)
    assert prediction_set((0.2, 0.5, 0.3), (0.9, 0.9, 0.9)) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from(LEVELS))
def test_no_more_validation_films_than_promised_are_below(probabilities: list[float], level: int) -> None:
    below = sum(p < lowest_probability(probabilities, level) for p in probabilities)
    assert below <= (len(probabilities) + 1) * (100 - level) / 100


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("films", [25, 60])
def test_coverage_of_simulated_classes(level: int, films: int) -> None:
    """Whatever the probabilities are like, new films of the class are covered as often as the rank says.

    In the mean over calibrations, 1 - k / (n + 1), with k = (n + 1) (100 - level) / 100 rounded down: 24 of 26 and
    25 of 26 for 25 films, 55 of 61 and 58 of 61 for 60.
    """
    draw = np.random.default_rng(level + films)
    covered = []
    for _ in range(3000):
        probabilities = draw.beta(0.7, 0.3, films + 1)
        covered.append(probabilities[-1] >= lowest_probability(probabilities[:-1].tolist(), level))
    expected = 1 - (films + 1) * (100 - level) // 100 / (films + 1)
    assert expected >= level / 100
    assert np.mean(covered) == pytest.approx(expected, abs=0.015)  # three standard errors
