"""A tiny DATA_DIR as the benchmarks of training want it, and a run that has autoencoders alone."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model_src.classes import CLASS_NAMES
from model_src.networks.fpae import FPAE
from train.runs.run_folder import RunFolder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Ten training and two test films of each class of one source, and twenty of tuberculosis outside the classes."""
    folder, draw = tmp_path / "data", np.random.default_rng(0)
    paths = [
        (f"{split}/{name}/{name}-{split}{n}.png", name, "rsna")
        for split, films in (("train", 10), ("test", 2))
        for name in CLASS_NAMES
        for n in range(films)
    ]
    paths += [(f"other/tb-{n}.png", "other:tuberculosis", "tuberculosis") for n in range(20)]
    for path, _, _ in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (32, 32), dtype=np.uint8)).save(folder / path)
    with (folder / "metadata.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "class", "source"), *paths])
    return folder


@pytest.fixture
def autoencoder_run(tmp_path: Path) -> RunFolder:
    """Random autoencoders in a run folder; nothing else is in it."""
    run = RunFolder(tmp_path / "run")
    for stage in ("fpae_healthy", "fpae_pneumonia"):
        torch.manual_seed(len(stage))
        run.save_weights(stage, FPAE().state_dict(), {})
    return run
