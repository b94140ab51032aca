"""Counts and times of all workers added up, as Prometheus text under TorchServe's names.

Workers send what they have measured along with their answers. So reading the page asks no worker, and a worker that
is replaced resets nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from client.prometheus_text import histograms, metric

# TorchServe's, so that one dashboard reads both.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_MEANING = "as TorchServe has it: docs/reference/metrics.md"

Labels = tuple[tuple[str, str], ...]
Gauge = tuple[str, Mapping[str, str], float]  # name, labels, value


@dataclass
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))  # of each bucket alone
    total: float = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(_BUCKETS, value)] += 1
        self.total += value


class Tally:
    """All figures since the start. Used by one thread."""

    def __init__(self, host: str, gauges: Callable[[], Iterable[Gauge]] = list) -> None:
        """Args: this machine's name; what is counted at the moment of reading."""
        self._host = host
        self._gauges = gauges
        self._counters: defaultdict[str, defaultdict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._histograms: defaultdict[str, defaultdict[Labels, _Histogram]] = defaultdict(
            lambda: defaultdict(_Histogram)
        )

    def take(self, model: str, samples: Iterable[tuple[str, str, str, float, Mapping[str, str]]]) -> None:
        """Add what a worker of `model` has measured: name, kind, unit, value, own label."""
        for name, kind, _, value, own in samples:
            labels = self._labels({**own, "ModelName": model, "Level": "Model"})
            if kind == "counter":
                self._counters[name][labels] += value
            else:
                self._histograms[name][labels].add(value)

    def answered(self, status: int) -> None:
        """Count an answer of any kind by its status."""
        kind = status // 100 if status // 100 in (2, 4) else 5  # as TorchServe counts: a redirect too
        self._counters[f"Requests{kind}XX"][self._labels({"Level": "Host"})] += 1

    def worked(self, model: str, seconds: float, waited: float) -> None:
        """Count a request that a worker of `model` has answered: seconds in all, seconds of these in the queue."""
        labels = self._labels({"model_name": model, "model_version": "default"}, host="hostname")
        self._counters["ts_inference_requests_total"][labels] += 1
        self._counters["ts_inference_latency_microseconds"][labels] += seconds * 1e6
        self._counters["ts_queue_latency_microseconds"][labels] += waited * 1e6

    def page(self) -> str:
        """Prometheus text."""
        texts = [
            metric(
                name, "counter", "as TorchServe counts it", ((dict(labels), value) for labels, value in found.items())
            )
            for name, found in sorted(self._counters.items())
        ]
        for name, histogram in sorted(self._histograms.items()):
            series = [(dict(labels), each.counts, each.total) for labels, each in histogram.items()]
            texts.append(histograms(name, _MEANING, _BUCKETS, series))
        now: defaultdict[str, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        for name, own, value in self._gauges():
            now[name].append((dict(self._labels(own)), value))
        texts += [metric(name, "gauge", "at this moment", samples) for name, samples in now.items()]
        return "".join(texts)

    def _labels(self, own: Mapping[str, str], host: str = "Hostname") -> Labels:
        return (*own.items(), (host, self._host))
