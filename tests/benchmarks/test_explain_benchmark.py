"""The explanation benchmark from its command line to its report, and the yardstick it measures against."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import explain_benchmark
from benchmarks.reference_perturbation import reference_mask
from explanations import METHODS


class _Patch(torch.nn.Module):
    """Class 2's logit is 20 x (mean gray of the upper left quarter - 0.5); the other two are 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = x.shape[-1] // 2
        covid = 20 * (x[:, 0, :half, :half].mean(dim=(1, 2)) - 0.5)
        return torch.stack([torch.zeros_like(covid), torch.zeros_like(covid), covid], dim=1)


def test_the_reference_removes_what_the_answer_rests_on():
    x = torch.full((1, 1, 64, 64), 0.2)
    x[:, :, :32, :32] = 0.8
    mask = reference_mask(_Patch(), x, target=2, steps=20)
    assert mask.shape == (28, 28)
    assert mask.min() >= 0
    assert mask.max() <= 1
    # Blurring (sigma 10) can darken the bright quarter along its two inner edges: there it must remove.
    assert mask[8:13, 8:13].mean() < mask[18:, 18:].mean()


def test_the_reference_is_repeatable():
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(*(reference_mask(_Patch(), x, target=2, steps=3) for _ in range(2)))


@pytest.fixture
def process_settings():
    """What the benchmark sets for its process is put back."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    cudnn = [getattr(torch.backends.cudnn, name) for name in ("allow_tf32", "benchmark", "deterministic")]
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    for name, value in zip(("allow_tf32", "benchmark", "deterministic"), cudnn, strict=True):
        setattr(torch.backends.cudnn, name, value)


def test_a_whole_run_on_two_phantoms(artefact_dir, tmp_path, capsys, process_settings):
    explain_benchmark.main(
        [
            *("--model", str(artefact_dir), "--phantoms", "2", "--methods", "meaningful_perturbation,grad_cam"),
            *("--reference-images", "1", "--reference-steps", "2", "--sanity-images", "1", "--batch"),
            *("--score-steps", "4", "--threads", "1", "--pictures", str(tmp_path / "p"), "--out", str(tmp_path)),
        ]
    )
    report = json.loads((tmp_path / "explain_benchmark.json").read_text())
    rows = report["sets"]["phantoms"]["methods"]
    assert list(rows) == ["meaningful_perturbation", "grad_cam", "reference"]
    assert len(rows["grad_cam"]["seconds"]) == 2
    assert rows["reference"]["steps"] == [2]
    assert len(rows["grad_cam"]["all_randomised"]) == 1
    assert report["sets"]["phantoms"]["batch"]["together"] > 0
    assert report["pace_seconds"]["mask_step"] > 0
    text = (tmp_path / "explain_benchmark.md").read_text()
    assert "On the reference's 1 images" in text
    assert text.strip() in capsys.readouterr().out
    with Image.open(tmp_path / "p" / "explanations_phantoms.png") as montage:
        # X-ray, map and overlay, 160 pixels and a gap of 14 each; rows: lesions, two methods and the reference
        assert montage.width == 3 * (160 + 14) + 14
        assert montage.height == 4 * (160 + 5 * 22) + 14 + 4 * 22
        assert len(np.unique(np.asarray(montage.convert("L")))) > 50


def test_unknown_methods_and_nothing_to_explain_are_wrong_usage(capsys):
    for words, said in (
        (["--phantoms", "1", "--methods", "guess"], f"unknown guess; choose from {', '.join(METHODS)}"),
        ([], "nothing to explain"),
    ):
        with pytest.raises(SystemExit, match="2"):
            explain_benchmark.main(["--model", "m", "--out", "o", *words])
        assert said in capsys.readouterr().err


def test_a_missing_model_is_one_line(tmp_path, process_settings):
    missing = tmp_path / "coronet.mar"
    with pytest.raises(SystemExit) as ended:
        explain_benchmark.main(["--model", str(missing), "--phantoms", "1", "--out", str(tmp_path / "out")])
    assert str(ended.value) == f"{missing}: not found; need an artefact folder or a .mar archive"
    assert not (tmp_path / "out").exists()
