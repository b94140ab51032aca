"""Prometheus' text format, line by line."""

from __future__ import annotations

from client.prometheus_text import histogram, metric


def test_a_metric_has_help_type_and_samples():
    assert metric("films_total", "counter", "Films.", [({"outcome": "done"}, 3), ({}, 0.5)]) == (
        '# HELP films_total Films.\n# TYPE films_total counter\nfilms_total{outcome="done"} 3\nfilms_total 0.5\n'
    )


def test_labels_are_escaped():
    assert r'{a="\\ \" \n"}' in metric("m", "gauge", "M.", [({"a": '\\ " \n'}, 1)])


def test_large_counts_keep_every_digit():
    assert metric("m", "counter", "M.", [({}, 123_456_789)]).endswith("m 123456789\n")


def test_buckets_of_a_histogram_add_up():
    assert histogram("wait", "Waits.", [1, 2.5], [4, 0, 2], 17.25).splitlines()[2:] == [
        'wait_bucket{le="1"} 4',
        'wait_bucket{le="2.5"} 4',
        'wait_bucket{le="+Inf"} 6',
        "wait_sum 17.25",
        "wait_count 6",
    ]
