"""Requests that cannot finish in the server's time are refused, with what would fit."""

from __future__ import annotations

import pytest

from handlers.explanations import parse_options
from handlers.explanations.time_limit import Pace, check_time, expected_seconds, measure_pace
from model_src.errors import InvalidRequest

PACE = Pace(forward=0.1, gradient=0.4, mask_step=0.2)


def test_expected_time_counts_passes():
    options = parse_options({"method": "integrated_gradients", "steps": 10, "score_steps": 4})
    # 10 gradients, 2 forwards for completeness, 2 x 4 for the scores, 2 for the probabilities
    assert expected_seconds(options, PACE) == pytest.approx(10 * 0.4 + 12 * 0.1)


def test_a_request_that_fits_passes():
    check_time(parse_options({}), PACE, limit=60)


def test_a_request_that_does_not_fit_is_told_what_would():
    options = parse_options({"steps": 1000, "seeds": 8})
    with pytest.raises(InvalidRequest, match=r"^steps: 1000 steps .* about 16\d\d s .* 100 s .* time_budget"):
        check_time(options, PACE, limit=100)


def test_a_time_budget_makes_it_fit():
    check_time(parse_options({"steps": 1000, "seeds": 8, "time_budget": 50}), PACE, limit=100)


def test_pace_is_measured_and_positive(random_chain):
    pace = measure_pace(random_chain, 32)
    assert 0 < pace.forward < 60
    assert 0 < pace.gradient < 60
    assert 0 < pace.mask_step < 60
