"""Augmentation, residual cache, schedules, mixing and class weights, with answers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from model_src.errors import DataError
from model_src.networks.coronet import CoroNet
from train.data.augmentation import apply_variants, choose_partners, choose_variants
from train.data.classifier_inputs import ClassifierInputs, ResidualCache, residual_inputs
from train.data.examples import Example
from train.device import Compute
from train.recipe import load_recipe
from train.stages.classifier import ClassifierLoss, class_weights, divide_logits, fit_temperature, predict, score
from train.stages.stage import WeightAverage, batches, learning_rate, micro_batch, shuffled

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


class FlatImages:
    """In place of an image cache: image i has label i and one gray value, from 0 for the first to 1 for the last."""

    image_size = 32

    def __init__(self, labels: list[int]) -> None:
        self.examples = [Example(Path(f"{label}.png"), label, str(label), "") for label in labels]

    def __len__(self) -> int:
        return len(self.examples)

    def tensor(self, indices: np.ndarray) -> torch.Tensor:
        grays = torch.linspace(0, 1, len(self))[torch.from_numpy(indices)]
        return grays[:, None, None, None].expand(-1, 1, 32, 32).clone()


@dataclass
class Films:
    """Training images by number, as an image cache has them."""

    images: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)

    def tensor(self, indices: np.ndarray) -> torch.Tensor:
        return self.images[torch.from_numpy(indices)]


def test_flip_variants_are_upright_mirrored_turned_and_both() -> None:
    image = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).reshape(1, 1, 2, 2)
    shown = apply_variants(Films(image.repeat(4, 1, 1, 1)), "flips", np.arange(4), np.arange(4), seed=0)
    assert shown[:, 0].reshape(4, 4).tolist() == [
        pytest.approx([0.1, 0.2, 0.3, 0.4]),
        pytest.approx([0.2, 0.1, 0.4, 0.3]),
        pytest.approx([0.3, 0.4, 0.1, 0.2]),
        pytest.approx([0.4, 0.3, 0.2, 0.1]),
    ]


def test_residuals_of_a_flipped_image_are_not_flipped_residuals(random_chain: CoroNet) -> None:
    # The reason for computing residuals per variant instead of flipping stored ones.
    x = torch.rand(1, 1, 32, 32)
    for axis in (2, 3):
        difference = (random_chain.tfen(x.flip(axis)) - random_chain.tfen(x).flip(axis)).abs()
        assert difference.max() > 1e-3


@pytest.mark.parametrize("augmentation", ["affine", "hospitals"])
def test_a_variant_depends_on_seed_image_and_number_alone(augmentation: str) -> None:
    films = Films(torch.rand(8, 1, 24, 24))
    numbers, variants = np.array([5, 6, 7]), np.array([0, 1, 2])
    together = apply_variants(films, augmentation, numbers, variants, seed=3)
    alone = apply_variants(films, augmentation, numbers[2:], variants[2:], seed=3)
    assert torch.allclose(together[2:], alone, atol=1e-6)
    assert not torch.allclose(apply_variants(films, augmentation, numbers[2:], variants[2:], seed=4), alone)
    assert not torch.allclose(together[2], films.images[7])
    assert together.min() >= 0
    assert together.max() <= 1


@pytest.mark.parametrize("augmentation", ["affine", "hospitals"])
def test_variant_0_is_the_image_itself_and_images_stay_as_they_are(augmentation: str) -> None:
    films = Films(torch.rand(2, 1, 24, 24))
    before = films.images.clone()
    together = apply_variants(films, augmentation, np.array([0, 1]), np.array([0, 3]), seed=0)
    assert torch.equal(together[0], films.images[0])
    assert torch.equal(films.images, before)


def test_residuals_have_their_own_precision_whatever_the_classifier_has(random_chain: CoroNet, tmp_path: Path) -> None:
    loaded = []
    for name in ("outside", "inside"):
        images = FlatImages([0, 1])
        inputs = residual_inputs(images, "none", 1, 0, FLOAT32, random_chain.tfen, tmp_path / name)  # type: ignore[arg-type]
        with torch.autocast("cpu", torch.bfloat16, enabled=name == "inside"):
            loaded.append(inputs.load(np.arange(2), np.zeros(2, dtype=np.int64)))
    assert torch.equal(*loaded)


def test_released_augmentation_mirrors_a_third_of_the_non_covid_images() -> None:
    labels = [0] * 3000 + [2] * 500
    chosen = choose_variants("left_right_third", 2, np.array(labels), np.arange(3500), epoch=0, seed=0)
    assert chosen[:3000].mean() == pytest.approx(1 / 3, abs=0.03)
    assert not chosen[3000:].any()


def test_every_variant_is_shown_as_often_and_a_films_is_its_own_affair() -> None:
    labels, films = np.zeros(4000, dtype=np.int64), np.arange(4000)
    chosen = choose_variants("hospitals", 4, labels, films, epoch=3, seed=1)
    assert np.bincount(chosen).tolist() == pytest.approx([1000] * 4, abs=110)  # 4 deviations
    assert np.array_equal(choose_variants("hospitals", 4, labels, films[70:90], epoch=3, seed=1), chosen[70:90])
    for other in ({"epoch": 4, "seed": 1}, {"epoch": 3, "seed": 2}):
        same = choose_variants("hospitals", 4, labels, films, **other) == chosen
        assert same.mean() == pytest.approx(1 / 4, abs=0.03)


def test_residuals_that_are_not_kept_are_those_that_are(random_chain: CoroNet, tmp_path: Path) -> None:
    images, variants = np.arange(3), np.array([1, 0, 3])
    kept, made = (
        residual_inputs(FlatImages([0, 1, 2]), "flips", 4, 0, FLOAT32, random_chain.tfen, folder)  # type: ignore[arg-type]
        for folder in (tmp_path, None)
    )
    assert torch.allclose(kept.load(images, variants), made.load(images, variants), rtol=2**-11, atol=2**-11)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["residuals.done", "residuals.f16"]


def test_as_many_pixels_pass_at_once_as_64_images_of_128_have_and_16_images_at_least() -> None:
    assert [micro_batch(size) for size in (32, 64, 96, 128, 160, 224, 512)] == [1024, 256, 112, 64, 32, 16, 16]


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    epochs = [shuffled(10, epoch, seed=1) for epoch in (0, 1)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0].tolist() != epochs[1].tolist()
    assert [len(batch) for batch in batches(shuffled(10, 0, 1), 4)] == [4, 4, 2]


def test_residual_cache_keeps_what_was_stored_across_a_restart(tmp_path: Path) -> None:
    indices, variants = np.array([2, 0]), np.array([1, 0])
    residuals = torch.tensor([0.25, 1.5]).reshape(2, 1, 1, 1).expand(2, 3, 8, 8)
    cache = ResidualCache(tmp_path, images=3, variants=2, size=8)
    assert cache.missing(indices, variants).tolist() == [0, 1]
    cache.store(indices, variants, residuals)
    again = ResidualCache(tmp_path, images=3, variants=2, size=8)
    assert again.missing(np.array([2, 2, 0]), np.array([0, 1, 0])).tolist() == [0]
    assert torch.equal(again.load(indices, variants), residuals)  # quarters are exact in half precision


def test_residual_cache_says_when_the_disk_is_too_small(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"need 629145\.6 GB of disk, .*No space left"):
        ResidualCache(tmp_path, images=100_000, variants=1000, size=1024)
    assert not list(tmp_path.rglob("*.*"))


def test_one_cycle_rises_for_a_fifth_and_falls_to_a_hundredth() -> None:
    recipe = load_recipe("quick").cin
    rates = [learning_rate(recipe, step, 100) / recipe.learning_rate for step in range(101)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[20] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.01)
    assert max(rates) == rates[20]


def test_weight_average_by_hand() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1.0)
    average = WeightAverage(module, decay=0.5)
    module.weight.data.fill_(3.0)
    average.update(module)  # early decay is 1/10: 0.1 * 1 + 0.9 * 3
    assert float(average.weights["weight"]) == pytest.approx(2.8)


def test_class_weights_make_every_class_weigh_the_same() -> None:
    weights = class_weights("balanced", np.array([0] * 6 + [1] * 3 + [2]))
    assert weights.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert class_weights((2, 2, 250), np.array([0, 1, 2])).tolist() == [2, 2, 250]


def test_classifier_loss_is_weighted_cross_entropy() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    loss = ClassifierLoss(torch.nn.Identity(), torch.tensor([1.0, 2.0, 4.0]), FLOAT32)
    targets = torch.eye(3)[[1, 2]]
    assert float(loss(logits, targets)) == pytest.approx(-2 * np.log(0.25) - 4 * np.log(0.8), rel=1e-5)


def test_most_of_a_mixed_variant_is_its_own_image_and_the_image_as_it_is_is_never_mixed() -> None:
    images, variants = np.repeat(np.arange(50), 40), np.tile(np.arange(40), 50)
    partners, shares = choose_partners(images, variants, images=50, mixup=0.5, seed=2)
    assert shares[variants > 0].astype(bool).mean() == pytest.approx(0.5, abs=0.05)
    assert shares.max() <= 0.5
    assert not shares[variants == 0].any()
    assert np.array_equal(partners[shares == 0], images[shares == 0])
    alone = choose_partners(images[7:8], variants[7:8], images=50, mixup=0.5, seed=2)
    assert (alone[0][0], alone[1][0]) == (partners[7], shares[7])
    assert not choose_partners(images, variants, images=50, mixup=0.0, seed=2)[1].any()


def test_a_mixed_x_ray_and_its_target_have_the_same_shares() -> None:
    inputs = ClassifierInputs(FlatImages([0, 1, 2]), "left_right", 0, FLOAT32, mixup=1.0)  # type: ignore[arg-type]
    images, variants = np.arange(3), np.array([1, 1, 0])
    xrays, targets = inputs.xrays(images, variants), inputs.targets(images, variants)
    # Image i is flat at i / 2, so what is mixed can be read off both.
    assert xrays[:, 0, 5, 5].tolist() == pytest.approx((targets @ torch.tensor([0.0, 0.5, 1.0])).tolist(), abs=1e-6)
    assert targets.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert targets.argmax(1).tolist() == [0, 1, 2]
    assert targets[2].tolist() == [0, 0, 1]


def test_validation_is_scored_in_float32_whatever_training_computes_in() -> None:
    images = FlatImages([0, 1, 2])
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32 * 32, 3))
    bfloat16 = Compute(torch.device("cpu"), bfloat16=True)
    scored = [
        predict(network, ClassifierInputs(images, "none", 0, compute), compute)  # type: ignore[arg-type]
        for compute in (FLOAT32, bfloat16)
    ]
    assert torch.equal(*scored)


def test_selection_prefers_balanced_accuracy_then_least_loss() -> None:
    truth = [0, 1, 2]
    sure = torch.eye(3) * 0.85 + 0.05
    unsure = torch.eye(3) * 0.4 + 0.2
    wrong = sure[[0, 1, 1]]
    assert score(sure, truth)["score"] > score(unsure, truth)["score"] > score(wrong, truth)["score"]
    assert score(wrong, truth)["balanced_accuracy"] == pytest.approx(2 / 3)


def test_temperature_makes_confidence_equal_to_the_rate_of_being_right() -> None:
    # Two classes told at 0.99 but right in 8 of 10 cases: the best probability is 0.8, so T = ln 99 / ln 4.
    sure = torch.tensor([[0.99, 0.01, 0.0]]).repeat(10, 1)
    temperature = fit_temperature(sure, [0] * 8 + [1] * 2)
    assert temperature == pytest.approx(math.log(99) / math.log(4), rel=1e-2)
    weights = {"fc.weight": torch.ones(3, 2), "fc.bias": torch.ones(3), "conv1.weight": torch.ones(1)}
    divided = divide_logits(weights, 2.0)
    assert {name: float(value.flatten()[0]) for name, value in divided.items()} == {
        "fc.weight": 0.5, "fc.bias": 0.5, "conv1.weight": 1.0,
    }  # fmt: skip
