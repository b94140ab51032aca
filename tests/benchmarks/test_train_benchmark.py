"""The benchmark of training: what its ratio is, and a whole run of seconds."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import train_benchmark
from benchmarks.train_benchmark import compare
from train.device import Compute

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


def test_a_step_that_takes_half_as_long_is_twice_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    now, took = 0.0, iter([9, 9, 0.04, 0.02, 0.08, 0.02, 0.02, 0.02])  # seconds of each step, the first two unmeasured

    def step() -> None:
        nonlocal now
        now += next(took)

    monkeypatch.setattr(train_benchmark, "time", SimpleNamespace(perf_counter=lambda: now))
    found = compare({"plain": step, "ours": step}, argparse.Namespace(rounds=3, batch=4), FLOAT32)
    assert found == pytest.approx({"plain": 100, "ours": 200, "ratio": 2, "lowest_ratio": 1, "highest_ratio": 4})


def test_a_run_has_both_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "result.json"
    options = ["--image-size", "32", "--batch", "2", "--rounds", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["train_benchmark", *options, "--out", str(out)])
    train_benchmark.main()
    found = json.loads(out.read_text())
    assert (found["image_size"], found["batch"], found["precision"]) == (32, 2, "float32")
    for stage in ("fpae", "cin"):
        assert found[stage]["plain"] > 0
        assert found[stage]["ratio"] == pytest.approx(found[stage]["ours"] / found[stage]["plain"], rel=1e-6)
