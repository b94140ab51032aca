"""Bands of answers: joined until they hold enough, without a gap, and looked up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model_src.calibration.reliability import FEWEST, Band, count_answers, such_answers


def test_bands_by_hand() -> None:
    probabilities = np.array([0.55] * 20 + [0.65] * 3 + [0.97] * 25)
    right = np.array([True] * 12 + [False] * 8 + [False] * 3 + [True] * 24 + [False])
    # 25 answers are from 0.95 to 0.99, but the band above them has none, so it is theirs as well; the three answers
    # from 0.6 to 0.7 are too few and join those below.
    assert count_answers(probabilities, right) == [Band(0.0, 0.95, 23, 12), Band(0.95, 1.0, 25, 24)]


def test_a_class_that_is_never_answered_has_one_empty_band() -> None:
    assert count_answers(np.zeros(0), np.zeros(0, bool)) == [Band(0.0, 1.0, 0, 0)]


def test_an_answer_of_certainty_is_in_the_last_band() -> None:
    bands = count_answers(np.array([1.0] * 20 + [0.4] * 20), np.ones(40, bool))
    assert bands == [Band(0.0, 0.99, 20, 20), Band(0.99, 1.0, 20, 20)]
    assert such_answers(bands, 1.0) == bands[1]
    assert such_answers(bands, 0.99) == bands[1]
    assert such_answers(bands, 0.9899) == bands[0]
    assert such_answers(bands, 0.0) == bands[0]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=120))
def test_every_answer_is_in_one_band_that_is_large_enough(answers: list[tuple[float, bool]]) -> None:
    probabilities, right = np.array([p for p, _ in answers]), np.array([r for _, r in answers], bool)
    bands = count_answers(probabilities, right)
    assert (bands[0].low, bands[-1].high) == (0, 1)
    assert all(before.high == after.low for before, after in pairwise(bands))
    assert sum(band.answers for band in bands) == len(answers)
    assert sum(band.right for band in bands) == right.sum()
    assert len(bands) == 1 or all(band.answers >= FEWEST for band in bands)
    for band in bands:
        assert sum(such_answers(bands, p) == band for p in probabilities) == band.answers
