"""Residuals against labels: areas and correlations that a person can work out, and a run on a tiny folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from benchmarks import residual_contrast
from benchmarks.residual_contrast import by_view, correlation
from train.data.examples import Example
from train.runs.run_folder import RunFolder


def test_correlation_is_row_by_row() -> None:
    a = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 0.0, 1.0]])
    b = torch.tensor([[2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    assert correlation(a, b).tolist() == pytest.approx([1, -1, 0])


def test_a_view_of_one_class_has_no_area() -> None:
    examples = [
        Example(Path(f"{label}{view}.png"), label, "", "rsna", view=view)
        for label, view in ((0, "PA"), (1, "PA"), (1, "AP"))
    ]
    assert {view: chosen.tolist() for view, chosen in by_view(examples).items()} == {
        "all": [True, True, True],
        "PA": [True, True, False],
    }


def test_a_run_prints_a_row_for_each_of_the_autoencoders(
    data_dir: Path,
    autoencoder_run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--tfen", f"a={autoencoder_run.path}", "--image-size", "16", "--cache-dir", str(tmp_path / "cache")]
    monkeypatch.setattr(sys, "argv", ["residual_contrast", str(data_dir), *options])
    residual_contrast.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ a")]
    assert [row.split("│")[2].strip() for row in rows] == ["all"]  # no view is known


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--source", "elsewhere"],
            "--source elsewhere: no Healthy or Pneumonia film of it in validation; there are rsna",
        ),
        (["--tfen", "b=missing"], "missing/fpae_healthy.pt: not found"),
    ],
)
def test_bad_input_is_one_line(
    data_dir: Path,
    autoencoder_run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    usual = ["--tfen", f"a={autoencoder_run.path}", "--image-size", "16", "--cache-dir", str(tmp_path / "cache")]
    monkeypatch.setattr(sys, "argv", ["residual_contrast", str(data_dir), *usual, *options])
    with pytest.raises(SystemExit) as ended:
        residual_contrast.main()
    assert str(ended.value).startswith(said)
    assert "\n" not in str(ended.value)
