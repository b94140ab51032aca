"""The calibration error's three numbers, on bins whose gaps are set by hand, and on whatever hypothesis thinks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.calibration import BINS, calibration_estimates, unseen_spread
from evaluation.metrics import measure
from evaluation.results import Predictions

NONE = np.zeros(BINS)


def gaps(*values: float) -> np.ndarray:
    """The first bins' gaps; the rest are 0."""
    return np.array([*values, *([0.0] * (BINS - len(values)))])


def evenly(centre: np.ndarray, reach: float, count: int = 2001) -> np.ndarray:
    """Resamples whose first bin is spread evenly, -reach to +reach, around the gaps."""
    return centre + np.linspace(-reach, reach, count)[:, None] * gaps(1.0)


def test_a_gap_far_larger_than_chance_has_its_plain_percentiles() -> None:
    # One bin, gap 0.5, chance evenly in -0.1 to 0.1: errors e with 0.5 at their 97.5th and 2.5th percentile.
    plain, debiased = calibration_estimates(gaps(0.5), evenly(gaps(0.5), 0.1), NONE, 100, 200)
    assert plain.value == 0.5
    assert (plain.low, plain.high) == pytest.approx((0.405, 0.595), abs=1e-4)
    assert debiased.value == pytest.approx(0.5, abs=1e-4)


def test_a_gap_that_chance_alone_would_leave_may_be_none() -> None:
    # Chance evenly in -0.1 to 0.1 leaves |gap| up to 0.1, half of them under 0.05: 0.04 is less than usual.
    plain, debiased = calibration_estimates(gaps(0.04), evenly(gaps(0.04), 0.1), NONE, 100, 200)
    assert (plain.value, plain.low) == (0.04, 0.0)
    assert debiased.value == 0.0
    # The largest e with at most 2.5% of |e + chance| under 0.04: e = 0.04 + 0.095.
    assert plain.high == pytest.approx(0.135, abs=1e-3)


def test_a_plain_value_of_nothing_but_chance_is_held_by_its_interval() -> None:
    # Many bins, each with a gap of about the size that chance leaves: the error wanted is smaller than the plain one.
    rng = np.random.default_rng(0)
    centre = 0.01 * rng.normal(size=BINS)
    plain, debiased = calibration_estimates(centre, centre + 0.01 * rng.normal(size=(4000, BINS)), NONE, 100, 200)
    assert debiased.value is not None
    assert plain.value is not None
    assert debiased.value < plain.value / 2
    assert plain.low == debiased.low == 0.0
    assert plain.high is not None
    assert plain.high >= plain.value


def test_a_bin_that_is_always_right_may_vary_unseen() -> None:
    # Eight of eight at 0.75: as if 10 of 12, so a variance of 5/36 * 8 images; of ten. One of two at 0.55: as it is.
    probabilities = np.array([[0.75, 0.25, 0.0]] * 8 + [[0.55, 0.45, 0.0]] * 2)
    spread = unseen_spread(np.array([0] * 9 + [1]), probabilities)
    assert spread[7] == pytest.approx((8 * 5 / 36) ** 0.5 / 10)
    assert spread.sum() == spread[7]


@pytest.mark.parametrize(
    ("drawn", "patients", "why"),
    [(np.tile(gaps(0.2), (50, 1)), 30, "all resamples agree"), (evenly(gaps(0.2), 0.1, 50), 1, "too few patients")],
)
def test_no_interval_where_resampling_cannot_give_one(drawn: np.ndarray, patients: int, why: str) -> None:
    for estimate in calibration_estimates(gaps(0.2), drawn, NONE, patients, 30):
        assert (estimate.value, estimate.low) == (0.2, None)
        assert why in estimate.note


@given(
    arrays(np.float64, BINS, elements=st.floats(-0.1, 0.1)),
    arrays(np.float64, (20, BINS), elements=st.floats(-0.1, 0.1)),
    arrays(np.float64, BINS, elements=st.floats(0, 0.1)),
)
def test_the_interval_of_any_calibration_error_holds_both_its_values(
    centre: np.ndarray, drawn: np.ndarray, unseen: np.ndarray
) -> None:
    plain, debiased = calibration_estimates(centre, drawn, unseen, 20, 20)
    if plain.low is not None:
        assert plain.low <= plain.value <= plain.high <= 1
        assert debiased.low <= debiased.value <= debiased.high <= 1
        assert (plain.low, plain.high) == (debiased.low, debiased.high)


@st.composite
def some_predictions(draw: st.DrawFn) -> Predictions:
    """Predictions for up to 30 images of up to 30 patients."""
    count = draw(st.integers(1, 30))
    scores = draw(arrays(np.float64, (count, 3), elements=st.sampled_from([0.01, 0.2, 0.5, 1.0])))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    truth = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    patients = draw(st.lists(st.integers(0, 30).map(str), min_size=count, max_size=count))
    return Predictions(truth, probabilities.argmax(axis=1), probabilities, patients)


@given(some_predictions(), st.integers(2, 60))
def test_every_interval_of_an_evaluation_holds_its_estimate(predictions: Predictions, replicates: int) -> None:
    measured = measure(predictions, replicates=replicates)
    for figures in (measured.overall, *measured.per_class.values()):
        for name, estimate in figures.items():
            if estimate.low is not None:
                largest = 2 if name == "brier" else 1
                assert 0 <= estimate.low <= estimate.value <= estimate.high <= largest, name
            else:
                assert estimate.note, name
