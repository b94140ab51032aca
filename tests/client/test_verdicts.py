"""Verdicts are checked, counted by class and model, and their agreement comes with an interval."""

from __future__ import annotations

import threading

import pytest
from scipy.stats import binomtest

from client.verdicts import Verdict, VerdictCounts, checked_verdict, wilson
from model_src.errors import InvalidRequest

MODEL = "0123456789abcdef" * 4


def test_a_good_verdict_is_taken_as_it_is():
    assert checked_verdict("Healthy", "accept") == Verdict("Healthy", "accept", None, "")
    assert checked_verdict("Healthy", "amend", "COVID-19", MODEL) == Verdict("Healthy", "amend", "COVID-19", MODEL)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (("Measles", "accept"), "label"),
        ((["Healthy"], "accept"), "label"),
        (("Healthy", "agree"), "verdict"),
        (("Healthy", None), "verdict"),
        (("Healthy", "amend"), "amended"),
        (("Healthy", "amend", "Healthy"), "amended"),
        (("Healthy", "reject", "COVID-19"), "amended"),
        (("Healthy", "accept", None, "x" * 64), "model"),
        (("Healthy", "accept", None, 7), "model"),
    ],
)
def test_a_wrong_value_is_named_by_its_field(values, field):
    with pytest.raises(InvalidRequest, match=f"^{field}: found "):
        checked_verdict(*values)


def test_a_long_text_is_not_repeated():
    with pytest.raises(InvalidRequest) as caught:
        checked_verdict("x" * 10_000, "accept")
    assert len(str(caught.value)) < 120


def test_agreement_counts_amended_and_rejected_alike():
    counts = VerdictCounts()
    for kind, amended in (("accept", None), ("accept", None), ("reject", None), ("amend", "COVID-19")):
        counts.count(Verdict("Pneumonia", kind, amended, MODEL))
    counts.count(Verdict("Healthy", "accept"))
    assert counts.agreement() == {("Healthy", "unknown"): (1, 1), ("Pneumonia", MODEL[:12]): (2, 4)}


def test_the_metrics_page():
    counts = VerdictCounts()
    counts.count(Verdict("Healthy", "accept", None, MODEL))
    counts.count(Verdict("Healthy", "amend", "COVID-19", MODEL))
    lines = counts.prometheus().splitlines()
    assert 'coronet_verdicts_total{label="Healthy",verdict="accept",amended="",model="0123456789ab"} 1' in lines
    assert 'coronet_verdicts_total{label="Healthy",verdict="amend",amended="COVID-19",model="0123456789ab"} 1' in lines
    assert 'coronet_agreement{label="Healthy",model="0123456789ab"} 0.5' in lines
    values = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
    ends = [values[f'coronet_agreement_{end}{{label="Healthy",model="0123456789ab"}}'] for end in ("low", "high")]
    assert ends == pytest.approx([0.0945312, 0.905469], abs=1e-6)  # Wilson's for 1 of 2


def test_without_verdicts_there_is_no_share():
    assert "coronet_agreement{" not in VerdictCounts().prometheus()


def test_models_that_a_caller_makes_up_do_not_fill_the_page():
    counts = VerdictCounts()
    for number in range(1000):
        counts.count(Verdict("Healthy", "accept", None, f"{number:064x}"[::-1]))
    assert len(counts.agreement()) == 17
    assert counts.agreement()["Healthy", "others"] == (984, 984)


def test_no_count_is_lost_between_threads():
    counts = VerdictCounts()
    threads = [
        threading.Thread(target=lambda: [counts.count(Verdict("Healthy", "reject")) for _ in range(500)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.agreement() == {("Healthy", "unknown"): (0, 4000)}


@pytest.mark.parametrize(("successes", "total"), [(0, 1), (1, 1), (3, 7), (69, 100), (1000, 1000)])
def test_the_interval_is_that_of_scipy(successes, total):
    expected = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    assert wilson(successes, total) == pytest.approx((expected.low, expected.high), abs=1e-12)
