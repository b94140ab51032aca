"""What the engine for GPUs records, on a CPU: its kernels in Triton's interpreter, classifiers with folded norms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model_src.engines.half_cin import HalfCIN
from model_src.engines.half_efficient_cin import HalfEfficientCIN
from model_src.networks.cin import CIN
from model_src.networks.efficient_cin import EfficientCIN
from model_src.networks.tfen import TFEN
from tests.model_src.networks.uneven import uneven_chain

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")


def _trial(*arguments: str) -> dict[str, float]:
    pytest.importorskip("triton", reason="needs Triton (comes with PyTorch for CUDA)")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.model_src.engines.triton_trial", *arguments]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line.split() for line in run.stdout.splitlines()]
    assert all(shape == "True" for _, _, shape in lines)
    return {name: float(value) for name, value, _ in lines}


def test_the_kernels_say_what_the_eager_chain_says_in_float32() -> None:
    apart = _trial("both", "float32")
    assert set(apart) == {"residuals", "probabilities", "means", "summary"}
    assert apart["residuals"] < 1e-5
    assert apart["probabilities"] < 1e-4
    assert apart["means"] < 1e-5
    assert apart["summary"] < 1e-3  # logarithms


def test_the_kernels_are_near_in_float16_and_not_the_same_also_with_the_film_as_third_map() -> None:
    apart = _trial("film", "float16")
    assert 0 < apart["residuals"] < 0.02
    assert 0 < apart["probabilities"] < 0.05  # of uneven weights, which magnify; a trained model has the rule


@pytest.mark.parametrize(("kind", "fused"), [(CIN, HalfCIN), (EfficientCIN, HalfEfficientCIN)])
def test_a_classifier_with_folded_norms_says_the_same(
    kind: type[CIN] | type[EfficientCIN], fused: type[HalfCIN] | type[HalfEfficientCIN]
) -> None:
    cin = uneven_chain(TFEN, kind).cin
    residuals = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    shown = torch.zeros(2, 8, 64, 64).contiguous(memory_format=torch.channels_last)
    shown[:, :3] = (residuals - cin.residual_mean) / cin.residual_std  # type: ignore[operator]
    logits, features = fused(cin, CPU, torch.float32)(shown)  # type: ignore[arg-type]
    expected = cin.features(residuals)  # type: ignore[operator]
    torch.testing.assert_close(features, expected, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(logits, cin.classify(expected), atol=1e-3, rtol=1e-3)  # type: ignore[operator]
