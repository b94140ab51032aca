"""Requests that cannot finish in the server's time are refused, with what would fit."""

from __future__ import annotations

import re

import pytest

from explanations import parse_options
from explanations.time_limit import Pace, check_time, expected_seconds, measure_pace
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


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 1000, "seeds": 8},
        {"steps": 1000, "score_steps": 64},
        {"steps": 500, "init": "circular", "score_steps": 64},
        {"method": "integrated_gradients", "steps": 500, "smooth_samples": 10, "score_steps": 64},
        {"method": "occlusion", "steps": 1024, "score_steps": 64},
    ],
)
def test_the_steps_that_are_named_fit_and_one_more_does_not(fields):
    options = parse_options(fields)
    with pytest.raises(InvalidRequest) as refused:
        check_time(options, PACE, limit=50)
    named = int(re.search(r"ask for at most (\d+)", str(refused.value))[1])
    check_time(parse_options({**fields, "steps": named}), PACE, limit=50)
    with pytest.raises(InvalidRequest):
        check_time(parse_options({**fields, "steps": named + 1}), PACE, limit=50)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"score_steps": 64}, r"^score_steps: 64 .* about 20 s .* which has 4 s .* \(4 takes least\)$"),
        ({"score_steps": 4}, r"^init: attribution .* \(uniform takes least\)$"),
        ({"method": "integrated_gradients", "smooth_samples": 64}, r"^smooth_samples: 64 .* \(1 takes least\)$"),
    ],
)
def test_where_no_steps_fit_the_field_that_costs_most_is_named(fields, named):
    with pytest.raises(InvalidRequest, match=named):
        check_time(parse_options(fields), Pace(forward=0.1, gradient=0.4, mask_step=0.4), limit=4)


def test_where_no_option_saves_time_the_method_is_named_and_not_the_seed():
    with pytest.raises(InvalidRequest, match=r"^method: saliency takes about 1 s .* ask for another method$"):
        check_time(parse_options({"method": "saliency", "score_steps": 4}), PACE, limit=1)


def test_images_of_a_list_share_the_time():
    options = parse_options({"method": "integrated_gradients", "steps": 100})  # 40 s and 2.8 s for the scores
    check_time(options, PACE, limit=100, images=2)
    with pytest.raises(InvalidRequest, match=r"which has 100 s for an answer, so 25 s for each of 4 images; ask for"):
        check_time(options, PACE, limit=100, images=4)


def test_a_time_budget_makes_it_fit():
    check_time(parse_options({"steps": 1000, "seeds": 8, "time_budget": 50}), PACE, limit=100)


def test_a_time_budget_does_not_make_a_start_and_a_step_shorter():
    options = parse_options({"time_budget": 0.1, "score_steps": 4})
    slow = Pace(forward=1.0, gradient=60.0, mask_step=50.0)
    # one gradient for the start, one step, 5 + 2 x 4 + 2 forwards
    assert expected_seconds(options, slow) == pytest.approx(2 * 50 + 15)


def test_a_shorter_step_than_measured_lowers_the_pace_in_proportion():
    assert PACE.lowered(0.4) == PACE
    quicker = PACE.lowered(0.05)
    assert (quicker.forward, quicker.gradient, quicker.mask_step) == pytest.approx((0.025, 0.1, 0.05))


def test_pace_is_measured_and_positive(random_chain):
    pace = measure_pace(random_chain, 32)
    assert 0 < pace.forward < 60
    assert 0 < pace.gradient < 60
    assert 0 < pace.mask_step < 60
