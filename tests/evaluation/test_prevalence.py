"""The interval of a positive answer's worth holds the truth as often as it says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from evaluation.intervals import Estimate, rate
from evaluation.prevalence import ppv_at

cached_rate = lru_cache(maxsize=None)(rate)


def test_the_interval_covers_a_truth_that_is_known() -> None:
    sensitivity, specificity, prevalence, draws = 0.7, 0.95, 0.05, 2000
    truth = prevalence * sensitivity / (prevalence * sensitivity + (1 - prevalence) * (1 - specificity))
    rng = np.random.default_rng(0)
    found = rng.binomial(80, sensitivity, draws)
    quiet = rng.binomial(1000, specificity, draws)
    estimates: list[Estimate] = [
        ppv_at(cached_rate(int(hits), 80), cached_rate(int(silent), 1000), prevalence)
        for hits, silent in zip(found, quiet, strict=True)
    ]
    assert all((e.low or 0) <= (e.value or 0) <= (e.high or 0) for e in estimates)
    covered = np.mean([(e.low or 0) <= truth <= (e.high or 0) for e in estimates])
    assert 0.93 <= covered <= 0.97
