"""Measurements on their way into TorchServe's metrics: names, types, dimensions, and failures that cost nothing."""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path

import pytest

from handlers.measurements import Measurements
from handlers.metrics import publish, samples

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


@pytest.fixture
def measured() -> Measurements:
    """Of a batch with three images, one error and one explanation."""
    measured = Measurements(predictions=Counter({"COVID-19": 2, "Healthy": 1}), errors=Counter({"InvalidImage": 1}))
    measured.set_sizes["90"].update({1: 2, 2: 1})
    measured.in_scope.update({True: 2, False: 1})
    measured.residuals["healthy"] += [0.01, 0.0300000004]
    measured.seconds["decode"].append(0.25)
    measured.explanation_seconds["grad_cam"].append(1.5)
    return measured


class Metrics:
    """Records what TorchServe's add_metric is given, and appends to the dimensions as that does."""

    def __init__(self) -> None:
        self.added: list[tuple[object, ...]] = []

    def add_metric(self, name, value, unit, idx=None, dimensions=(), metric_type=None):
        own = {dimension.name: dimension.value for dimension in dimensions}
        self.added.append((name, metric_type.value, unit, own, value))
        dimensions.append("TorchServe does this")


def test_every_measurement_has_its_name_type_and_dimension(measured):
    pytest.importorskip("ts", reason="TorchServe's metric types")
    metrics = Metrics()
    publish(metrics, measured, requests=5)
    assert metrics.added == [
        ("CoroNetPredictions", "counter", "count", {"Class": "COVID-19"}, 2),
        ("CoroNetPredictions", "counter", "count", {"Class": "Healthy"}, 1),
        ("CoroNetSetSize", "counter", "count", {"Size": "1_of_90"}, 2),
        ("CoroNetSetSize", "counter", "count", {"Size": "2_of_90"}, 1),
        ("CoroNetScope", "counter", "count", {"InScope": "yes"}, 2),
        ("CoroNetScope", "counter", "count", {"InScope": "no"}, 1),
        ("CoroNetErrors", "counter", "count", {"Type": "InvalidImage"}, 1),
        ("CoroNetExplanationSeconds", "histogram", "s", {"Method": "grad_cam"}, 1.5),
        ("CoroNetStepSeconds", "histogram", "s", {"Step": "decode"}, 0.25),
        ("CoroNetResidual", "histogram", "fraction", {"Autoencoder": "healthy"}, 0.01),
        ("CoroNetResidual", "histogram", "fraction", {"Autoencoder": "healthy"}, 0.03),
        ("CoroNetBatchRequests", "histogram", "count", {}, 5),
    ]


def test_every_name_and_label_is_documented(measured):
    text = DOCUMENT.read_text()
    table = dict(re.findall(r"^\| `(CoroNet\w+)` (.*)$", text, flags=re.M))
    of_one_front = {name for name, row in table.items() if "with `--front ray`" in row}
    published = list(samples(measured, requests=1))
    assert set(table) - of_one_front == {name for name, *_ in published}
    for name, kind, _, _, own in published:
        assert f"| {kind} |" in table[name]
        assert all(f"`{label}`: " in table[name] for label in own)
    alerts = (DOCUMENT.parents[1] / "how-to" / "watch-a-server.md").read_text()
    queried = {re.sub("_(sum|count|bucket)$", "", name) for name in re.findall(r"CoroNet\w+(?=[\[{])", alerts)}
    assert queried
    assert queried < set(table)


def test_metrics_that_fail_are_logged_and_cost_nothing(measured, caplog):
    class Broken:
        def add_metric(self, *_, **__):
            raise OSError("stdout is gone")

    with caplog.at_level(logging.WARNING):
        publish(Broken(), measured, requests=1)
    assert "metrics of a batch are lost" in caplog.text


def test_without_metrics_nothing_is_published(measured):
    publish(None, measured, requests=1)


def test_explanations_that_are_computed_together_share_their_seconds():
    measured = Measurements()
    with measured.explaining("saliency", images=4):
        pass
    first, *others = measured.explanation_seconds["saliency"]
    assert others == [first] * 3
    assert first >= 0


def test_a_step_that_fails_is_timed_too():
    measured = Measurements()
    with pytest.raises(ValueError, match="x"), measured.step("decode"):
        raise ValueError("x")
    assert len(measured.seconds["decode"]) == 1
