"""Figures in the text format that Prometheus reads, for parts of the kit that serve a metrics page of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

# What a metrics page is sent as.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]
Sample = tuple[Mapping[str, str], float]


def metric(name: str, kind: Kind, meaning: str, samples: Iterable[Sample]) -> str:
    """One metric with its help, its type and a line for each sample.

    Args:
        name: as on the page; a counter's ends in `_total`.
        kind: what Prometheus may do with it.
        meaning: one line.
        samples: (labels, value).
    """
    return _heading(name, kind, meaning) + "".join(_line(name, labels, value) for labels, value in samples)


def histogram(name: str, meaning: str, bounds: Iterable[float], counts: Iterable[int], total: float) -> str:
    """A histogram without labels.

    Args:
        name, meaning: as for `metric`.
        bounds: upper ends of the buckets, ascending, without infinity.
        counts: values in each bucket alone, one more than bounds: the last are above all of them.
        total: the sum of all values.
    """
    return histograms(name, meaning, bounds, [({}, counts, total)])


def histograms(
    name: str, meaning: str, bounds: Iterable[float], series: Iterable[tuple[Mapping[str, str], Iterable[int], float]]
) -> str:
    """A histogram for each of several sets of labels: (labels, counts, total), the rest as for `histogram`."""
    ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    text = _heading(name, "histogram", meaning)
    for labels, counts, total in series:
        below = 0
        for end, count in zip(ends, counts, strict=True):
            below += count
            text += _line(f"{name}_bucket", {**labels, "le": end}, below)
        text += _line(f"{name}_sum", labels, total) + _line(f"{name}_count", labels, below)
    return text


def _heading(name: str, kind: Kind, meaning: str) -> str:
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    number = str(value) if isinstance(value, int) else f"{value:.12g}"
    return f"{name}{{{inside}}} {number}\n" if inside else f"{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
