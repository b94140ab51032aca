"""What one batch of requests led to and how long its steps took: plain numbers, for whoever wants to publish them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from inference.results import Prediction
from model_src.calibration.judgement import Judgement
from model_src.classes import CLASS_NAMES
from model_src.errors import RequestError


@dataclass
class Measurements:
    """Counts, seconds and residuals of one batch; nothing in it tells of a single request's content."""

    predictions: Counter[str] = field(default_factory=Counter)  # class name -> images found to be of it
    errors: Counter[str] = field(default_factory=Counter)  # type of error -> requests answered with it
    set_sizes: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))  # by level
    in_scope: Counter[bool] = field(default_factory=Counter)  # whether -> images
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

    def predicted(self, predictions: Sequence[Prediction | RequestError]) -> None:
        """Counts what `inference.predictor.Predictor.predict` gives."""
        for prediction in predictions:
            if isinstance(prediction, Prediction):
                self.predictions[CLASS_NAMES[prediction.label]] += 1
                self._judged(prediction.judgement)
                for autoencoder, value in zip(("healthy", "pneumonia"), prediction.residual_means, strict=True):
                    self.residuals[autoencoder].append(value)

    def _judged(self, judgement: Judgement | None) -> None:
        if judgement is None:
            return
        for level, classes in judgement.sets.items():
            self.set_sizes[level][len(classes)] += 1
        if judgement.in_scope is not None:
            self.in_scope[judgement.in_scope.value] += 1
