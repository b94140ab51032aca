"""Counts, Wilson intervals and resampled patients."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation import intervals
from evaluation.intervals import (
    Estimate,
    clustered_rate,
    difference_estimate,
    mean_of_rates,
    patient_weights,
    rate,
    share_estimate,
)


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


def test_a_rate_of_images_of_different_patients_is_the_same_with_their_names() -> None:
    assert clustered_rate(np.array([True] * 9 + [False]), [f"p{i}" for i in range(10)]) == rate(9, 10)
    assert clustered_rate(np.array([], bool), [], "no COVID-19 image") == rate(0, 0, "no COVID-19 image")


def test_images_that_say_the_same_count_once() -> None:
    # 1,000 patients with two like images each are as sure as 1,000 images.
    hits = np.repeat(np.arange(1000) < 800, 2)
    estimate, once = clustered_rate(hits, [f"p{i // 2}" for i in range(2000)]), rate(800, 1000)
    assert (estimate.value, estimate.successes, estimate.total) == (0.8, 1600, 2000)
    assert (estimate.low, estimate.high) == pytest.approx((once.low, once.high), abs=3e-4)


def test_images_of_a_patient_that_differ_as_others_do_count_in_full() -> None:
    # Each patient has one hit and one miss: less alike than chance, which is no reason to claim more.
    estimate = clustered_rate(np.array([True, False] * 500), [f"p{i // 2}" for i in range(1000)])
    alone = rate(500, 1000)
    assert (estimate.low, estimate.high) == pytest.approx((alone.low, alone.high), abs=3e-4)


def test_one_patient_with_most_images_makes_a_rate_unsure() -> None:
    most = clustered_rate(np.ones(109, bool), ["p"] * 100 + [f"q{i}" for i in range(9)])
    assert most.low < rate(5, 5).low


def test_only_the_images_among_count() -> None:
    among = np.array([True, True, False, False])
    estimate = clustered_rate(np.array([True, False, True, True]), ["a", "b", "a", "b"], among=among)
    assert estimate == rate(1, 2)


@pytest.mark.parametrize("images", [2, 4])
def test_every_mistake_lowers_a_rate_and_its_interval(images: int) -> None:
    patients = np.repeat(np.arange(40), images).astype(str)
    lows = [clustered_rate(np.arange(40 * images) >= wrong, patients).low for wrong in range(10)]
    assert max(np.diff(lows)) < 0.005  # not to a digit: how alike a patient's images are is estimated anew
    assert lows[9] < lows[0] - 0.03


def test_more_patients_are_surer() -> None:
    def width(patients: int) -> float:
        hits = np.arange(12) % 3 > 0  # alike in every patient
        estimate = clustered_rate(hits, [f"p{i % patients}" for i in range(12)])
        return estimate.high - estimate.low

    widths = [width(patients) for patients in (1, 2, 4)]
    assert widths == sorted(widths, reverse=True)


@given(arrays(np.bool_, st.integers(1, 40)), st.data())
def test_a_clustered_rate_lies_in_its_interval(hits: np.ndarray, data: st.DataObject) -> None:
    patients = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=len(hits), max_size=len(hits)))
    estimate = clustered_rate(hits, patients)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


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


def test_wilson_interval_is_not_rounded_at_its_ends() -> None:
    assert rate(0, 7).low == 0.0
    assert rate(7, 7).high == 1.0


def test_a_share_has_its_standard_error_on_the_scale_of_log_odds() -> None:
    # Replicates 0.8 -+ 0.016: standard error 0.016 / (0.8 * 0.2) = 0.1 in log odds; ends at log 4 -+ 1.96 * 0.1.
    estimate = share_estimate(0.8, np.array([0.784, 0.816] * 50), 1_000_000, 200)
    assert estimate.low == pytest.approx(1 / (1 + np.exp(-(np.log(4) - 0.19600))), abs=1e-5)
    assert estimate.high == pytest.approx(1 / (1 + np.exp(-(np.log(4) + 0.19600))), abs=1e-5)
    brier = share_estimate(1.6, np.array([1.568, 1.632] * 50), 1_000_000, 200, largest=2.0)
    assert (brier.low, brier.high) == pytest.approx((2 * estimate.low, 2 * estimate.high))


def test_few_patients_widen_an_interval() -> None:
    # Student's t with 2 degrees of freedom is 4.3027 instead of 1.96.
    estimate = difference_estimate(0.1, np.array([0.09, 0.11] * 50), 3, 30)
    assert (estimate.low, estimate.high) == pytest.approx((0.1 - 0.043027, 0.1 + 0.043027), abs=1e-6)


def test_a_difference_stays_in_its_range() -> None:
    estimate = difference_estimate(-0.9, np.array([-0.8, -1.0] * 50), 100, 100)
    assert estimate.low == -1.0


def test_distances_of_classes_add_in_squares() -> None:
    # Three alike classes: the mean is a factor of sqrt(3) surer than each.
    one = rate(160, 200)
    mean = mean_of_rates([one] * 3, 600)
    assert mean.value == pytest.approx(0.8)
    assert 0.8 - mean.low == pytest.approx((0.8 - one.low) / np.sqrt(3))
    assert mean.high - 0.8 == pytest.approx((one.high - 0.8) / np.sqrt(3))


def test_a_class_that_is_always_right_is_not_certain() -> None:
    # 10 of 10: Wilson's low end is 10 / 13.8415 = 0.72246; the others hardly vary.
    mean = mean_of_rates([rate(10, 10), rate(10**7, 10**7), rate(10**7, 10**7)], 30)
    assert mean.low == pytest.approx(1 - (1 - 0.72246) / 3, abs=1e-4)
    assert mean.high == 1.0


def test_a_mean_needs_every_class() -> None:
    assert mean_of_rates([rate(1, 2), rate(0, 0)], 2, "no COVID-19 image").note == "no COVID-19 image"


@pytest.mark.parametrize(
    ("replicates", "patients", "why"),
    [
        (np.full(100, 1.0), 30, "all resamples agree"),
        (np.linspace(0.9, 1, 100), 1, "too few patients"),
        (np.array([0.9, 1.0] + [np.nan] * 98), 30, "too few patients"),
    ],
)
@pytest.mark.parametrize("estimated", [share_estimate, difference_estimate])
def test_no_interval_is_claimed_where_resampling_cannot_give_one(
    estimated: Callable[..., Estimate], replicates: np.ndarray, patients: int, why: str
) -> None:
    estimate = estimated(1.0, replicates, patients, 30)
    assert estimate.value == 1.0
    assert estimate.low is None
    assert why in estimate.note


def test_a_value_that_is_not_defined_says_why() -> None:
    for estimated in (share_estimate, difference_estimate):
        estimate = estimated(float("nan"), np.full(10, np.nan), 5, 5, "no COVID-19 image in this split")
        assert (estimate.value, estimate.note) == (None, "no COVID-19 image in this split")


# --- whatever the data: an interval holds its estimate and stays in its range ---


def holds(estimate: Estimate, lowest: float = 0.0, highest: float = 1.0) -> bool:
    if estimate.low is None or estimate.high is None or estimate.value is None:
        return bool(estimate.note)
    return lowest <= estimate.low <= estimate.value <= estimate.high <= highest


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_interval_of_any_rate_holds_it(successes: int, more: int) -> None:
    assert holds(rate(successes, successes + more))


SHARES = arrays(np.float64, st.integers(2, 30), elements=st.floats(0, 1) | st.just(float("nan")))


@given(st.floats(0, 1), SHARES, st.integers(1, 1000))
def test_the_interval_of_any_share_or_difference_holds_it(value: float, drawn: np.ndarray, patients: int) -> None:
    assert holds(share_estimate(value, drawn, patients, 10))
    assert holds(share_estimate(2 * value, 2 * drawn, patients, 10, largest=2.0), 0.0, 2.0)
    assert holds(difference_estimate(2 * value - 1, 2 * drawn - 1, patients, 10), -1.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=3))
def test_the_interval_of_any_mean_of_rates_holds_it(classes: list[tuple[int, int]]) -> None:
    assert holds(mean_of_rates([rate(right, right + wrong) for right, wrong in classes], 10))
