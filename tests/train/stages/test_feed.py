"""What is shown batch by batch is the same, whether it is made ahead or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from train.data.augmentation import choose_variants
from train.data.classifier_inputs import ClassifierInputs
from train.data.examples import Example
from train.device import Compute
from train.stages.feed import Feed

FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)
FILMS = 10


class Counted:
    """In place of an image cache: ten films of noise; which were asked for is written down."""

    image_size = 16

    def __init__(self) -> None:
        self.examples = [Example(Path(f"{number}.png"), number % 3, str(number), "") for number in range(FILMS)]
        self.films = torch.rand(FILMS, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return FILMS

    def tensor(self, indices: np.ndarray) -> Tensor:
        self.asked.append(indices.tolist())
        return self.films[torch.from_numpy(indices)]


def order(epoch: int) -> np.ndarray:
    return np.random.default_rng(epoch).permutation(FILMS)


def feed(ahead: int, augmentation: str = "affine", smoothing: float = 0.0) -> tuple[Feed, Counted]:
    images = Counted()
    inputs = ClassifierInputs(images, augmentation, 0, FLOAT32)  # type: ignore[arg-type]

    def variants(films: np.ndarray, epoch: int) -> np.ndarray:
        return choose_variants(augmentation, 1 if augmentation == "none" else 5, inputs.labels, films, epoch, 0)

    return Feed(inputs, order, variants, smoothing, ahead), images


def epochs(shown: Feed, numbers: list[int], batch: int) -> list[tuple[Tensor, Tensor]]:
    """All batches of the given epochs."""
    return [
        shown.take(order(epoch)[start : start + batch], epoch) for epoch in numbers for start in range(0, FILMS, batch)
    ]


@pytest.mark.parametrize("batch", [1, 3, 4, 10])
@pytest.mark.parametrize("ahead", [1, 4, 7, 1024])
def test_films_made_ahead_are_those_that_are_asked_for(ahead: int, batch: int) -> None:
    made_ahead, asked_for = (epochs(feed(number)[0], [0, 1, 2], batch) for number in (ahead, 0))
    for (inputs, targets), (own_inputs, own_targets) in zip(made_ahead, asked_for, strict=True):
        assert torch.allclose(inputs, own_inputs, atol=1e-6)
        assert torch.equal(targets, own_targets)


def test_a_feed_that_begins_at_a_later_epoch_shows_the_same() -> None:
    whole, resumed = feed(7)[0], feed(7)[0]
    epochs(whole, [0, 1], 4)
    for (inputs, targets), (own_inputs, own_targets) in zip(
        epochs(whole, [2, 3], 4), epochs(resumed, [2, 3], 4), strict=True
    ):
        assert torch.allclose(inputs, own_inputs, atol=1e-6)
        assert torch.equal(targets, own_targets)


def test_films_are_made_so_many_at_a_time_and_each_once() -> None:
    shown, images = feed(8, augmentation="none")
    epochs(shown, [0], 4)
    assert images.asked == [order(0)[:8].tolist(), order(0)[8:].tolist()]
    epochs(shown, [1], 4)
    assert images.asked[2:] == [order(1)[:8].tolist(), order(1)[8:].tolist()]


def test_a_batch_that_is_not_all_at_hand_is_made_anew() -> None:
    # Five are made ahead, four shown; the next four begin with the fifth, which is made again.
    shown, images = feed(5, augmentation="none")
    epochs(shown, [0], 4)
    assert images.asked == [order(0)[:5].tolist(), order(0)[4:9].tolist(), order(0)[8:].tolist()]


def test_a_smoothed_target_gives_every_class_its_share() -> None:
    for ahead in (0, 4):
        _, targets = feed(ahead, augmentation="none", smoothing=0.3)[0].take(order(0)[:1], 0)
        label = order(0)[0] % 3
        assert targets[0].tolist() == pytest.approx([0.8 if number == label else 0.1 for number in range(3)])
