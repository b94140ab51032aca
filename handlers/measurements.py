"""What one batch of requests led to and how long its steps took: plain numbers, for whoever wants to publish them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from model_src.errors import RequestError


@dataclass
class Measurements:
    """Counts, seconds and residuals of one batch; nothing in it tells of a single request's content."""

    predictions: Counter[str] = field(default_factory=Counter)  # class name -> images answered with it
    errors: Counter[str] = field(default_factory=Counter)  # type of error -> requests answered with it
    residuals: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by autoencoder
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by step of the work
    explanation_seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by method

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what runs inside, whether it succeeds or not."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name].append(time.perf_counter() - started)

    @contextmanager
    def explaining(self, method: str, images: int) -> Iterator[None]:
        """Times explanations that are computed together; each image gets an equal share of the seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.explanation_seconds[method] += [(time.perf_counter() - started) / images] * images

    def predicted(self, answers: Sequence[Mapping[str, Any] | RequestError]) -> None:
        """Counts the answers of `inference.predictor.CoroNetCore.predict`."""
        for answer in answers:
            if not isinstance(answer, RequestError):
                self.predictions[answer["label"]] += 1
                for autoencoder, value in answer["residual"].items():
                    self.residuals[autoencoder].append(value)
