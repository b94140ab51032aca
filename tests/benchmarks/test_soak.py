"""The soak's line through memory."""

from __future__ import annotations

import pytest

from benchmarks.soak import slope


def test_a_steady_rise_is_found_after_the_first_third():
    # 3 MB a minute from the 10th sample on; what comes before is warm-up
    memory = [{"seconds": 60.0 * i, "mb": 1000.0 + (3 * i if i >= 10 else -500)} for i in range(30)]
    found = slope(memory, "mb")
    assert found.per_minute == pytest.approx(3)
    assert found.half_width == pytest.approx(0, abs=1e-6)
    assert found.growth == pytest.approx(3 * 19 / found.mean)


def test_noise_without_a_rise_has_zero_in_its_interval():
    memory = [{"seconds": 2.0 * i, "mb": 1000.0 + (-1) ** i} for i in range(300)]
    found = slope(memory, "mb")
    assert abs(found.per_minute) < found.half_width
    assert abs(found.growth) < 0.001
