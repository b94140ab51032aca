"""The benchmark of whole epochs: what its ratio is, and a run of seconds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import epoch_benchmark
from benchmarks.epoch_benchmark import compared


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    plain, ours = [{"cin": 10.0}, {"cin": 20.0}, {"cin": 10.0}], [{"cin": 20.0}, {"cin": 20.0}, {"cin": 40.0}]
    assert compared(plain, ours, "cin") == {
        "plain": 10, "ours": 20, "ratio": 2, "lowest_ratio": 1, "highest_ratio": 4,
    }  # fmt: skip


def test_a_run_trains_both_stages_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "result.json"
    options = ["--films", "48", "--image-size", "40", "--rounds", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["epoch_benchmark", *options, "--out", str(out)])
    epoch_benchmark.main()
    found = json.loads(out.read_text())
    assert (found["image_size"], found["films"], found["precision"]) == (40, 48, "float32")
    for stage in ("fpae", "cin"):
        own = found["stages"][stage]
        assert own["plain"] > 0
        assert own["ratio"] == pytest.approx(own["ours"] / own["plain"], rel=1e-6)
