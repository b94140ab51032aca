"""The regression guard: ratios of medians, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import quick


def test_ratios_are_of_medians() -> None:
    rounds = [{"old": {"predict": old}, "this tree": {"predict": new}} for old, new in ((1, 2), (4, 2), (100, 1))]
    assert quick.compared(rounds, "old") == [{"what": "predict", "before": 4, "now": 2, "ratio": 2.0}]


def test_an_error_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ValueError: what went wrong"):
        quick.run_in(tmp_path, tmp_path, "-c", "raise ValueError('what went wrong')")
