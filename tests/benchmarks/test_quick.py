"""The regression guard: ratios of medians, and a commit's files that are taken away again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import quick

ROOT = Path(__file__).parents[2]


def test_ratios_are_of_medians() -> None:
    rounds = [{"old": {"predict": old}, "this tree": {"predict": new}} for old, new in ((1, 2), (4, 2), (100, 1))]
    assert quick.compared(rounds, "old") == [{"what": "predict", "before": 4, "now": 2, "ratio": 2.0}]


def test_a_commit_is_checked_out_and_taken_away(tmp_path: Path) -> None:
    if subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--git-dir"], capture_output=True, check=False).returncode:
        pytest.fail("the tests run in a checkout")
    with quick.checked_out("HEAD", tmp_path) as tree:
        assert (tree / "benchmarks").is_dir()
    assert not tree.exists()


def test_an_error_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ValueError: what went wrong"):
        quick.run_in(tmp_path, tmp_path, "-c", "raise ValueError('what went wrong')")
