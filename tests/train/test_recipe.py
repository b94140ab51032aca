"""The named recipes are what paper and released code say; values that make no sense are refused."""

from __future__ import annotations

import math

import pytest

from model_src.errors import CoroNetError, RunError
from train.recipe import CinRecipe, FpaeRecipe, Recipe, load_recipe, recipe_from_dict


@pytest.fixture
def recipe() -> Recipe:
    """Settings to change one of."""
    return load_recipe("quick")


def test_paper_is_as_the_paper_says() -> None:
    # Sections 2 and 3.2; 224 pixels, lambda 1, the ImageNet start and balanced weights fill gaps.
    paper = load_recipe("paper")
    assert paper.image_size == 224
    assert paper.fpae == FpaeRecipe(
        epochs=50, optimiser="adam", learning_rate=1e-4, schedule="constant", weight_decay=0.0,
        batch_size=0, latent_weight=1.0, augmentation="none", crop=0,
    )  # fmt: skip
    assert paper.cin == CinRecipe(
        epochs=10, optimiser="adam", learning_rate=1e-3, schedule="constant", weight_decay=0.0,
        batch_size=16, init="imagenet", class_weights="balanced", sampling="none", films_per_epoch=0,
        augmentation="flips", variants=4,
        normalise=False, label_smoothing=0.0, mixup=0.0, calibrate=False, average=0.0,
        network="resnet18", third_map="both",
    )  # fmt: skip


def test_released_is_as_the_code_does() -> None:
    released = load_recipe("released")
    assert released.image_size == 512
    assert released.fpae == FpaeRecipe(
        epochs=50, optimiser="adam", learning_rate=1e-4, schedule="constant", weight_decay=1e-3,
        batch_size=32, latent_weight=1.0, augmentation="left_right_third", crop=0,
    )  # fmt: skip
    assert released.cin == CinRecipe(
        epochs=10, optimiser="adam", learning_rate=1e-5, schedule="constant", weight_decay=1e-3,
        batch_size=16, init="imagenet", class_weights=(2, 2, 250), sampling="none", films_per_epoch=0,
        augmentation="left_right_third", variants=2,
        normalise=False, label_smoothing=0.0, mixup=0.0, calibrate=False, average=0.0,
        network="resnet18", third_map="both",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"image_size": 33}, "found 33"),
        ({"cin_variants": 5, "cin_augmentation": "flips"}, "found 5 variants"),
        ({"fpae_crop": 12}, r"fpae\.crop: found 12, need 0, or a multiple of 8"),
        ({"fpae_optimiser": "sgd"}, r"fpae\.optimiser: found 'sgd', need adam or adamw"),
        ({"cin_schedule": "cosine"}, r"cin\.schedule: found 'cosine', need constant or one_cycle"),
        ({"cin_learning_rate": -1e-3}, r"cin\.learning_rate: found -0\.001, need above 0"),
        ({"fpae_weight_decay": -0.1}, r"fpae\.weight_decay: found -0\.1"),
        ({"cin_label_smoothing": -0.1}, r"cin\.label_smoothing: found -0\.1"),
        ({"cin_sampling": "source"}, r"cin\.sampling: found 'source', need one of none, class, class_source_view"),
        ({"cin_films_per_epoch": -1}, r"cin\.films_per_epoch: found -1, need at least 1, or 0 for as many"),
        ({"cin_sampling": "class", "cin_films_per_epoch": 2}, r"films_per_epoch: found 2, need 3 or more"),
        ({"cin_mixup": -0.2}, r"cin\.mixup: found -0\.2"),
        ({"cin_mixup": 0.5, "cin_augmentation": "none", "cin_variants": 1}, r"cin\.mixup: found 0\.5.*more than one"),
        ({"cin_network": "resnet"}, r"cin\.network: found 'resnet', need one of resnet18, efficientnet_lite2"),
        ({"cin_third_map": "sum"}, r"cin\.third_map: found 'sum', need one of both, film"),
        ({"cin_teacher": "none"}, r"cin\.teacher is no setting of this version; need network, "),
        ({"fpae_latent_weight": -1}, r"fpae\.latent_weight: found -1"),
        ({"cin_class_weights": (1, 2)}, r"cin\.class_weights: found \(1, 2\)"),
        ({"cin_epochs": 0}, r"cin\.epochs: found 0, need at least 1"),
        ({"cin_class_weights": "even"}, r"cin\.class_weights: found 'even', need balanced, none, or 3 numbers above 0"),
        ({"cin_learning_rate": math.nan}, r"cin\.learning_rate: found nan, need above 0"),
        ({"fpae_crop": 72}, r"fpae\.crop: found 72, need 0, or a multiple of 8 up to the image size"),
        ({"cin_normalise": 1}, r"cin\.normalise: found 1, need true or false"),
        ({"cin_whim": 1}, r"cin\.whim is no setting of this version; need network, "),
    ],
)
def test_recipe_with_wrong_values_is_refused(recipe: Recipe, change: dict[str, object], named: str) -> None:
    with pytest.raises(CoroNetError, match=named):
        recipe.changed(**change)


def test_a_recipe_without_a_setting_is_refused(recipe: Recipe) -> None:
    settings = recipe.as_dict()
    del settings["fpae"]["epochs"]
    with pytest.raises(RunError, match=r"recipe quick: fpae\.epochs is missing; need epochs, optimiser"):
        recipe_from_dict(settings)


def test_unknown_recipe_is_refused() -> None:
    with pytest.raises(RunError, match="need one of paper, quick, released, tuned"):
        load_recipe("papers")
