"""Data that any network learns, a recipe of seconds, and a finished run of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from model_src.classes import CLASS_NAMES
from train.recipe import Recipe, load_recipe
from train.runs.run_folder import RunFolder
from train.runs.train_run import TrainingOptions, train_run


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes that any network can tell: flat, upright stripes, lying stripes, with noise; 10 of each."""
    folder = tmp_path_factory.mktemp("stripes")
    draw = np.random.default_rng(0)
    wave = np.tile([40, 40, 160, 160], 8)
    patterns = np.full((32, 32), 100), np.tile(wave, (32, 1)), np.tile(wave[:, None], (1, 32))
    for name, pattern in zip(CLASS_NAMES, patterns, strict=True):
        (folder / "train" / name).mkdir(parents=True)
        for number in range(10):
            pixels = (pattern + draw.normal(0, 12, (32, 32))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "train" / name / f"{name}-p{number}.png")
    return folder


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Two epochs of everything at 32 pixels, with augmentation, a teacher and averaging on."""
    quick = load_recipe("quick").changed(image_size=32, fpae_epochs=2, cin_epochs=2, cin_average=0.9, cin_mixup=0.5)
    quick = quick.changed(cin_calibrate=True, cin_teacher="efficientnet_lite2")
    return quick.changed(cin_augmentation="affine", cin_variants=3, fpae_augmentation="left_right", fpae_crop=24)


@pytest.fixture(scope="session")
def whole(stripes: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run. Read only."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return train_run(recipe, TrainingOptions(stripes, folder, device="cpu", console=Console(quiet=True)))
