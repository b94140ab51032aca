"""Counts, Wilson intervals and resampled patients."""

import numpy as np
import pytest

from evaluation import intervals
from evaluation.intervals import bootstrap_estimate, bootstrap_interval, patient_weights, rate


def test_wilson_interval_of_nine_in_ten_is_about_60_to_98():
    estimate = rate(9, 10)
    assert (estimate.value, estimate.successes, estimate.total) == (0.9, 9, 10)
    assert estimate.low == pytest.approx(0.5958, abs=1e-4)
    assert estimate.high == pytest.approx(0.9821, abs=1e-4)


@pytest.mark.parametrize(("successes", "low", "high"), [(0, 0.0, 3.8415 / 13.8415), (10, 10 / 13.8415, 1.0)])
def test_wilson_interval_at_the_ends_is_z2_over_n_plus_z2(successes, low, high):
    estimate = rate(successes, 10)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)


def test_a_rate_of_nothing_is_not_defined():
    estimate = rate(0, 0, "no COVID-19 image")
    assert (estimate.value, estimate.low, estimate.high, estimate.note) == (None, None, None, "no COVID-19 image")


def test_images_of_a_patient_are_drawn_together():
    weights = np.concatenate(list(patient_weights(["a", "b", "a", "c"], replicates=50)))
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()  # three patients drawn
    assert len(np.unique(weights[:, 0])) > 1


def test_resamples_depend_on_the_seed_and_not_on_the_block_size(monkeypatch):
    patients = [f"p{i}" for i in range(20)]
    whole = np.concatenate(list(patient_weights(patients, replicates=30, seed=3)))
    monkeypatch.setattr(intervals, "_CHUNK_ELEMENTS", 100)
    blocks = list(patient_weights(patients, replicates=30, seed=3))
    assert [len(block) for block in blocks] == [5] * 6
    assert (np.concatenate(blocks) == whole).all()
    assert (np.concatenate(list(patient_weights(patients, replicates=30, seed=4))) != whole).any()


def test_interval_of_an_unbiased_bootstrap_is_its_percentiles():
    assert bootstrap_interval(0.5, np.linspace(0, 1, 10_001)) == pytest.approx((0.025, 0.975), abs=1e-3)


def test_interval_moves_down_where_resampling_inflates_the_value():
    # A quarter of the replicates lie below the value: ends at Phi(2 * -0.6745 -+ 1.96) = 0.0005 and 0.7294.
    assert bootstrap_interval(0.25, np.linspace(0, 1, 10_001)) == pytest.approx((0.0005, 0.7294), abs=1e-3)


@pytest.mark.parametrize(
    ("replicates", "patients", "why"),
    [
        (np.full(100, 1.0), 30, "all resamples agree"),
        (np.linspace(0.9, 1, 100), 1, "too few patients"),
        (np.array([0.9, 1.0] + [np.nan] * 98), 30, "too few patients"),
    ],
)
def test_no_interval_is_claimed_where_resampling_cannot_give_one(replicates, patients, why):
    estimate = bootstrap_estimate(1.0, replicates, patients, 30)
    assert estimate.value == 1.0
    assert estimate.low is None
    assert why in estimate.note


def test_a_value_that_is_not_defined_says_why():
    estimate = bootstrap_estimate(float("nan"), np.full(10, np.nan), 5, 5, "no COVID-19 image in this split")
    assert (estimate.value, estimate.note) == (None, "no COVID-19 image in this split")
