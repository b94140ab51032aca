"""The four tests with methods whose trust is known: one that reads the weights, one that does not, one that wavers."""

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.maps.films import MarkedFilm
from evaluation.maps.similarity import similarity
from evaluation.maps.trust import Others, four_tests
from model_src.networks.coronet import CoroNet

SIZE = 32


class Net(nn.Module):
    """A classifier of two layers, whose weights say how strongly it looks."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 3)
        for parameter in self.parameters():
            nn.init.ones_(parameter)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture
def network():
    return CoroNet(nn.Identity(), Net())


@pytest.fixture
def films(make_results, tmp_path):
    """Eight films with a box of their own each."""
    found = []
    for index, result in enumerate(make_results([1] * 8, [1] * 8)):
        region = np.zeros((SIZE, SIZE), dtype=bool)
        row, column = divmod(index, 4)
        region[16 * row : 16 * row + 8 + column, 8 * column : 8 * column + 7] = True
        found.append(MarkedFilm(result, tmp_path / result.path, torch.zeros(1, SIZE, SIZE), region))
    return found


def trained(network):
    return all(bool((parameter == 1).all()) for parameter in network.parameters())


def faithful(network, films, seed):
    """The boxes, as long as the weights are there; noise without them."""
    if trained(network):
        return [film.region.astype(np.float32) for film in films]
    return [np.random.default_rng(i).random((SIZE, SIZE), dtype=np.float32) for i in range(len(films))]


def edges(network, films, seed):
    """The boxes whatever the weights are, as a method that shows the image and not the model."""
    return [film.region.astype(np.float32) for film in films]


def always_the_same(network, films, seed):
    return [np.pad(np.ones((8, 8), np.float32), 12) for _ in films]


def wavering(network, films, seed):
    return [np.random.default_rng([seed, i]).random((SIZE, SIZE), dtype=np.float32) for i in range(len(films))]


def outcome(draw, network, films, **others):
    prior = np.ones((4, 4), np.float32)
    return {result.test: result for result in four_tests(draw, network, films, prior, Others(**others), seed=0)}


def test_a_method_that_reads_the_weights_stands_all(network, films):
    found = outcome(faithful, network, films, retrained=[(network, films)], architectures=[(network, films)])
    assert [result.passed for result in found.values()] == [True] * 4
    assert found["localisation"].figure == 1
    assert found["repeatability"].figure == 1
    assert found["randomisation"].figure < found["randomisation"].parts["two different films"]
    assert set(found["randomisation"].parts) == {"last layer", "last block", "classifier", "two different films"}
    assert found["localisation"].films == 8


def test_a_method_that_shows_the_image_alone_fails_randomisation(network, films):
    found = outcome(edges, network, films, retrained=[(network, films)])
    assert found["localisation"].passed
    assert found["randomisation"].passed is False
    assert found["randomisation"].figure == 1
    assert found["reproducibility"].passed is None
    assert found["reproducibility"].needed == "no other architecture was given"


def test_a_method_with_one_map_for_all_repeats_itself_and_is_not_trusted(network, films):
    found = outcome(always_the_same, network, films, retrained=[(network, films)])
    assert found["repeatability"].figure == 1
    assert found["repeatability"].passed is False


def test_a_method_that_wavers_is_not_repeatable(network, films):
    found = outcome(wavering, network, films, retrained=[(network, films)])
    assert found["repeatability"].passed is False
    assert found["localisation"].passed is False


def test_without_another_training_repeatability_is_not_made(network, films):
    assert outcome(faithful, network, films)["repeatability"].passed is None
    without = four_tests(faithful, network, films, None, Others(), seed=0)
    assert without[0].passed is None


def test_similarity_is_1_for_the_same_and_little_for_others():
    spot = np.zeros((28, 28), np.float32)
    spot[4:10, 4:10] = 1
    assert similarity(spot, spot) == pytest.approx(1)
    assert similarity(spot, 0.5 * spot) == pytest.approx(1)  # maps are scaled
    noise = np.random.default_rng(0).random((28, 28), dtype=np.float32)
    assert similarity(spot, noise) < 0.2
    assert similarity(spot, noise) == pytest.approx(similarity(noise, spot))
    shifted = np.roll(spot, 1, axis=1)
    assert 0.5 < similarity(spot, shifted) < 1
