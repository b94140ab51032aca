"""Metrics against the paper's counts, scikit-learn, and sums done by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from evaluation.calibration import bin_gaps, brier_score, calibration_error, reliability_bins
from evaluation.metrics import measure, point_values, replicate_values
from evaluation.paper import ACCURACY, CONFUSION, F1, PPV, PRECISION, RECALL, SENSITIVITY, paper_rows
from evaluation.resampled import ranking_areas
from evaluation.results import Predictions
from model_src.classes import CLASS_NAMES


@pytest.fixture
def paper_predictions(make_predictions):
    """The paper's test set, image by image, from its Table 5."""
    cells = [(row, column) for row in range(3) for column in range(3) for _ in range(CONFUSION[row][column])]
    return make_predictions([row for row, _ in cells], [column for _, column in cells])


@pytest.fixture
def random_predictions():
    """200 images of 60 patients with random truths and probabilities, some of them tied."""
    rng = np.random.default_rng(0)
    probabilities = np.round(rng.dirichlet([1, 1, 1], 200), 2)
    patients = [f"p{i}" for i in rng.integers(0, 60, 200)]
    return Predictions(rng.integers(0, 3, 200), probabilities.argmax(axis=1), probabilities, patients)


def test_table_5_gives_tables_2_3_and_4(paper_predictions):
    measured = measure(paper_predictions, replicates=20)
    percent = {name: estimate.value * 100 for name, estimate in measured.overall.items()}
    assert percent["accuracy"] == pytest.approx(ACCURACY, abs=0.005)
    assert percent["precision_weighted"] == pytest.approx(PRECISION, abs=0.005)
    assert percent["recall_weighted"] == pytest.approx(RECALL, abs=0.005)
    assert percent["f1_weighted"] == pytest.approx(F1, abs=0.005)
    for index, name in enumerate(CLASS_NAMES):
        figures = measured.per_class[name]
        assert figures["sensitivity"].value * 100 == pytest.approx(SENSITIVITY[index], abs=0.01)
        assert figures["ppv"].value * 100 == pytest.approx(PPV[index], abs=0.01)
    assert measured.confusion == [list(row) for row in CONFUSION]
    covid = measured.per_class["COVID-19"]
    assert (covid["sensitivity"].successes, covid["sensitivity"].total) == (9, 10)
    assert (covid["specificity"].successes, covid["specificity"].total) == (1942, 1943)


def test_the_paper_stands_beside_ours_row_by_row(paper_predictions):
    for row in paper_rows(measure(paper_predictions, replicates=20)):
        assert row.ours.value * 100 == pytest.approx(row.printed, abs=0.01), row.name
        if row.paper is not None:
            assert (row.paper.successes, row.paper.total) == (row.ours.successes, row.ours.total)


def test_every_resampled_figure_equals_scikit_learns(random_predictions):
    predictions = random_predictions
    weights = np.random.default_rng(1).integers(0, 4, (5, 200)).astype(float)
    values = replicate_values(predictions, weights)
    truth, predicted = predictions.truth, predictions.predicted
    for row, weight in enumerate(weights):
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(truth, predicted, sample_weight=weight),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(truth, predicted, sample_weight=weight),
        }
        for average in ("weighted", "macro"):
            options = {"average": average, "sample_weight": weight}
            expected[f"precision_{average}"] = sklearn_metrics.precision_score(truth, predicted, **options)
            expected[f"f1_{average}"] = sklearn_metrics.f1_score(truth, predicted, **options)
        for index, name in enumerate(CLASS_NAMES):
            arguments = truth == index, predictions.probabilities[:, index]
            expected[f"roc_auc {name}"] = sklearn_metrics.roc_auc_score(*arguments, sample_weight=weight)
            expected[f"pr_auc {name}"] = sklearn_metrics.average_precision_score(*arguments, sample_weight=weight)
        assert {name: values[name][row] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_the_resampled_figures_of_every_image_once_are_the_figures(random_predictions):
    once = {name: value[0] for name, value in replicate_values(random_predictions, np.ones((1, 200))).items()}
    points = point_values(random_predictions)
    del points["ece"]  # resampling its bins' gaps is calibration.py's
    assert once == pytest.approx(points, abs=1e-12)


def test_tied_scores_count_half():
    # Positives 0.5, 0.5 against negatives 0.5, 0.1: two ties (1/2 each) and two wins of four pairs.
    positive = np.array([True, True, False, False])
    roc, pr = ranking_areas(positive, np.array([0.5, 0.5, 0.5, 0.1]), np.ones((1, 4)))
    assert roc[0] == pytest.approx(3 / 4)
    assert pr[0] == pytest.approx(2 / 3)  # at the only threshold with hits, 2 of 3


def test_a_class_without_images_is_not_defined_and_the_rest_is(make_predictions):
    measured = measure(make_predictions([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]), replicates=50)
    for name in ("balanced_accuracy", "f1_macro", "roc_auc_macro"):
        assert measured.overall[name].value is None
        assert measured.overall[name].note == "no COVID-19 image in this split"
    covid = measured.per_class["COVID-19"]
    assert covid["sensitivity"].value is None
    assert covid["roc_auc"].note == "no COVID-19 image in this split"
    assert covid["ppv"].note == "COVID-19 was never predicted"
    assert (covid["specificity"].successes, covid["specificity"].total) == (6, 6)
    assert measured.overall["accuracy"].value == pytest.approx(4 / 6)
    assert measured.per_class["Healthy"]["sensitivity"].successes == 2


def test_images_of_one_class_only(make_predictions):
    measured = measure(make_predictions([2, 2, 2], [2, 2, 0]), replicates=50)
    assert measured.per_class["COVID-19"]["specificity"].note == "only COVID-19 images in this split"
    assert measured.per_class["COVID-19"]["roc_auc"].value is None
    assert measured.overall["accuracy"].successes == 2
    assert measured.per_class["COVID-19"]["f1"].low is not None


def test_a_class_that_is_never_predicted_counts_0_in_precision_and_says_so(make_predictions):
    # Precision: Healthy 2/4, Pneumonia 2/2, COVID-19 none; each a third of the images.
    measured = measure(make_predictions([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 0, 0]), replicates=50)
    precision = measured.overall["precision_weighted"]
    assert precision.value == pytest.approx((2 / 4 + 1 + 0) / 3)
    assert "COVID-19 never predicted" in precision.note
    assert measured.per_class["COVID-19"]["ppv"].value is None
    assert measured.per_class["COVID-19"]["f1"].value == 0


@pytest.mark.parametrize("name", ["accuracy", "brier"])
def test_like_images_of_few_patients_widen_intervals(make_predictions, name):
    truth, predicted = [0, 1, 2] * 20, [0, 1, 0] * 20
    alone = measure(make_predictions(truth, predicted), replicates=500)
    grouped = measure(make_predictions(truth, predicted, [f"p{i % 6}" for i in range(60)]), replicates=500)
    narrow, wide = (m.overall[name].high - m.overall[name].low for m in (alone, grouped))
    assert wide > 1.5 * narrow
    assert (alone.patients, grouped.patients) == (60, 6)


def test_calibration_by_hand():
    # Four images at 0.75, two of them right: off by 0.25. Two at 0.5 (closed above: bin 0.4 to 0.5), both right.
    probabilities = np.array([[0.75, 0.25, 0.0]] * 4 + [[0.5, 0.3, 0.2]] * 2)
    truth = np.array([0, 0, 1, 1, 0, 0])
    error = calibration_error(bin_gaps(truth, probabilities, np.ones((1, 6))))[0]
    assert error == pytest.approx((4 * 0.25 + 2 * 0.5) / 6)
    bins = reliability_bins(truth, probabilities, list("abcdef"))
    assert [(b.low, b.confidence, b.accuracy.successes, b.accuracy.total) for b in bins if b.accuracy.total] == [
        (0.4, 0.5, 2, 2),
        (0.7, 0.75, 2, 4),
    ]


def test_brier_score_by_hand():
    probabilities = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    weights = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
    assert brier_score(np.array([0, 0, 2]), probabilities, weights) == pytest.approx([0, 0.5, 2 / 3, 0.25])


def test_metrics_are_json_without_nan(make_predictions):
    measured = measure(make_predictions([0, 0, 1], [0, 1, 1]), replicates=10)
    written = json.loads(json.dumps(measured.as_json(), allow_nan=False))
    assert written["overall"]["accuracy"]["total"] == 3
    assert written["per_class"]["COVID-19"]["f1"]["value"] is None
