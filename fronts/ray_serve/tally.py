"""Counts and times of all workers added up, as Prometheus text under TorchServe's names.

Workers send what they have measured along with their answers. So reading the page asks no worker, and a worker that
is replaced resets nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

# TorchServe's, so that one dashboard reads both.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

Labels = tuple[tuple[str, str], ...]
Gauge = tuple[str, Mapping[str, str], float]  # name, labels, value


@dataclass
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * len(_BUCKETS))
    count: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        for place, bound in enumerate(_BUCKETS):
            if value <= bound:
                self.counts[place] += 1
        self.count += 1
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

    def page(self) -> bytes:
        """Prometheus text."""
        lines: list[str] = []
        for name, values in sorted(self._counters.items()):
            lines.append(f"# TYPE {name} counter")
            lines += [f"{name}{_shown(labels)} {value:.12g}" for labels, value in values.items()]
        for name, histograms in sorted(self._histograms.items()):
            lines.append(f"# TYPE {name} histogram")
            for labels, found in histograms.items():
                bounds = [*zip(map(str, _BUCKETS), found.counts, strict=True), ("+Inf", found.count)]
                lines += [f"{name}_bucket{_shown((*labels, ('le', bound)))} {count}" for bound, count in bounds]
                lines += [
                    f"{name}_count{_shown(labels)} {found.count}",
                    f"{name}_sum{_shown(labels)} {found.total:.12g}",
                ]
        seen: set[str] = set()
        for name, own, value in self._gauges():
            if name not in seen:
                lines.append(f"# TYPE {name} gauge")
                seen.add(name)
            lines.append(f"{name}{_shown(self._labels(own))} {value:.12g}")
        return ("\n".join(lines) + "\n").encode("utf-8")

    def _labels(self, own: Mapping[str, str], host: str = "Hostname") -> Labels:
        return (*own.items(), (host, self._host))


def _shown(labels: Labels) -> str:
    return "{" + "".join(f'{name}="{_escaped(value)}",' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
