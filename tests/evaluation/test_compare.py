"""Paired comparisons whose outcome a person can count."""

import dataclasses

import pytest

from evaluation.compare import compare, load_report, mcnemar_exact
from evaluation.results import CSV_NAME, read_results, write_results
from model_src.errors import DataError


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (3, 3, 1.0), (1, 5, 14 / 64), (0, 6, 2 / 64)],  # 2 * (C(6,0) + C(6,1)) / 2^6 and 2 / 2^6
)
def test_mcnemar_is_the_two_sided_chance_of_a_fair_coin(only_a, only_b, p):
    assert mcnemar_exact(only_a, only_b) == pytest.approx(p)
    assert mcnemar_exact(only_b, only_a) == pytest.approx(p)


def test_the_better_model_is_named(make_results):
    truth = [0, 1, 2] * 4
    a = make_results(truth, [0, 1, 2] * 2 + [1, 2, 0] * 2)  # the last 6 of 12 wrong
    b = make_results(truth, truth)
    comparison = compare(a, b, replicates=200)
    assert (comparison.both_right, comparison.only_a_right, comparison.only_b_right, comparison.both_wrong) == (
        6,
        0,
        6,
        0,
    )
    assert comparison.mcnemar_p == pytest.approx(2 / 64)
    assert comparison.accuracy_difference.value == pytest.approx(0.5)
    assert 0 < comparison.accuracy_difference.low < 0.5 < comparison.accuracy_difference.high
    assert comparison.balanced_accuracy_difference.value == pytest.approx(0.5)
    assert comparison.outcome.startswith("B is more accurate than A by 50.0 points")
    assert compare(b, a, replicates=200).outcome.startswith("A is more accurate than B by 50.0 points")


def test_too_few_images_show_no_difference(make_results):
    comparison = compare(make_results([0, 1, 2], [0, 1, 0]), make_results([0, 1, 2], [0, 1, 2]), replicates=50)
    assert comparison.mcnemar_p == 1.0
    assert comparison.outcome.startswith("These 3 images do not show which is better")


def test_images_of_two_patients_do_not_show_a_difference(make_results):
    truth = [0] * 40
    a, b = make_results(truth, [0] * 32 + [1] * 8), make_results(truth, truth)
    a, b = (
        [dataclasses.replace(r, patient=f"p{min(i, 32 + i % 2)}") for i, r in enumerate(results)] for results in (a, b)
    )
    comparison = compare(a, b, replicates=200)
    assert comparison.mcnemar_p < 0.01
    assert comparison.accuracy_difference.low < 0
    assert "do not show which is better" in comparison.outcome


def test_models_that_err_alike_do_not_differ(make_results):
    results = make_results([0, 1, 2], [0, 1, 1])
    assert compare(results, results).outcome.endswith("no difference.")


def test_images_are_paired_by_path_whatever_their_order(make_results):
    a = make_results([0, 1, 2], [0, 1, 0])
    b = make_results([0, 1, 2], [0, 1, 2])
    assert compare(a, b[::-1], replicates=50) == compare(a, b, replicates=50)


def test_an_image_that_is_listed_twice_counts_twice(make_results):
    a, b = make_results([0, 1, 2], [0, 1, 0]), make_results([0, 1, 2], [0, 1, 2])
    comparison = compare([*a, a[2]], [*b, b[2]], replicates=50)
    assert (comparison.both_right, comparison.only_b_right) == (2, 2)


def test_the_first_image_that_is_not_in_both_is_named(make_results):
    results = make_results([0, 1, 2, 0], [0, 1, 2, 0])
    with pytest.raises(DataError, match=r"A has 4 images and B 2; .* 00001\.png, only in A"):
        compare(results, [results[0], results[2]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 15 + "9"}, r"00001\.png: the file differs"),
        ({"truth": 2}, "labelled Pneumonia in A and COVID-19"),
    ],
)
def test_other_files_or_labels_under_the_same_name_are_refused(make_results, change, message):
    results = make_results([0, 1, 2], [0, 1, 2])
    other = [results[0], dataclasses.replace(results[1], **change), results[2]]
    with pytest.raises(DataError, match=message):
        compare(results, other)


def test_results_survive_the_csv(make_results, tmp_path):
    results = make_results([0, 1, 2], [0, 2, 2])
    results[1] = dataclasses.replace(
        results[1], path='odd, "name"/ü.png', source="nih", warnings=("too small", "hardly any contrast")
    )
    write_results(results, tmp_path / CSV_NAME)
    assert read_results(tmp_path / CSV_NAME) == results
    assert load_report(tmp_path) == load_report(tmp_path / CSV_NAME) == results


def test_what_is_no_report_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no such file or folder; --compare takes two report folders"):
        load_report(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no per_image\.csv in it"):
        load_report(tmp_path)
    with pytest.raises(DataError, match="found columns a, b"):
        load_report(tmp_path / "other.csv")


@pytest.mark.parametrize(
    ("old", "new"), [("COVID-19,COVID-19", "COVID-19,Covid"), ("0.8", "nan"), ("0.8", "1.8"), ("0.8", "eight")]
)
def test_a_damaged_line_is_named(make_results, tmp_path, old, new):
    path = tmp_path / CSV_NAME
    write_results(make_results([0, 2], [0, 2]), path)
    first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([first, second, third.replace(old, new)]))
    with pytest.raises(DataError, match="line 3 is damaged"):
        read_results(path)


def test_a_line_cut_short_is_named(make_results, tmp_path):
    path = tmp_path / CSV_NAME
    write_results(make_results([0, 2], [0, 2]), path)
    path.write_text(path.read_text()[:-60])
    with pytest.raises(DataError, match="line 3 is damaged"):
        read_results(path)
