"""A batch's measurements into TorchServe's metrics, from where its metrics port serves them to Prometheus.

TorchServe's workers hand each value to the frontend as a line of text, which the frontend sorts into counters and
histograms; so nothing of ours runs when the port is read. Values must be finite numbers and the values of dimensions
free of ":" and ",": both hold for everything here, names of classes, errors, methods and steps.
docs/reference/metrics.md says what each name means.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from handlers.measurements import Measurements

logger = logging.getLogger(__name__)

COUNTER, HISTOGRAM = "counter", "histogram"

# Name, type, unit, value, and the one dimension of its own (or none).
Sample = tuple[str, str, str, float, dict[str, str]]


def publish(metrics: Any, measured: Measurements, requests: int) -> None:
    """Hand the measurements of a batch to `context.metrics`, if there are any; a failure is logged and forgotten.

    Args:
        metrics: TorchServe's `context.metrics`, or None; of another front, an object whose `take` gets every sample.
        measured: of one batch.
        requests: how many that batch had.
    """
    if metrics is None:
        return
    try:
        if hasattr(metrics, "take"):
            for sample in samples(measured, requests):
                metrics.take(sample)
            return
        # Only a TorchServe worker has metrics to count in.
        from ts.metrics.dimension import Dimension
        from ts.metrics.metric_type_enum import MetricTypes

        for name, kind, unit, value, own in samples(measured, requests):
            # A new list every time: TorchServe adds its own dimensions to the one it is given.
            dimensions = [Dimension(key, word) for key, word in own.items()]
            metrics.add_metric(name, value, unit, dimensions=dimensions, metric_type=MetricTypes(kind))
    except Exception as error:  # whatever it is, the answers of the batch are good
        logger.warning("metrics of a batch are lost: %s", type(error).__name__)


def samples(measured: Measurements, requests: int) -> Iterator[Sample]:
    """Every value to publish for one batch."""
    for label, count in measured.predictions.items():
        yield "CoroNetPredictions", COUNTER, "count", count, {"Class": label}
    for level, sizes in measured.set_sizes.items():
        for size, count in sizes.items():
            yield "CoroNetSetSize", COUNTER, "count", count, {"Size": f"{size}_of_{level}"}
    for inside, count in measured.in_scope.items():
        yield "CoroNetScope", COUNTER, "count", count, {"InScope": "yes" if inside else "no"}
    for kind, count in measured.errors.items():
        yield "CoroNetErrors", COUNTER, "count", count, {"Type": kind}
    for method, seconds in measured.explanation_seconds.items():
        for value in seconds:
            yield "CoroNetExplanationSeconds", HISTOGRAM, "s", round(value, 6), {"Method": method}
    for step, seconds in measured.seconds.items():
        for value in seconds:
            yield "CoroNetStepSeconds", HISTOGRAM, "s", round(value, 6), {"Step": step}
    for autoencoder, residuals in measured.residuals.items():
        for value in residuals:
            yield "CoroNetResidual", HISTOGRAM, "fraction", round(value, 6), {"Autoencoder": autoencoder}
    yield "CoroNetBatchRequests", HISTOGRAM, "count", requests, {}
