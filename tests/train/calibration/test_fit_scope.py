"""The scope fitted to generated chests: limits hold for held-out films, and what is no chest is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model_src.calibration.scope import (
    FRONTAL,
    INVERTED,
    NO_CHEST,
    NOVEL,
    PICTURE_LENGTH,
    REASONS,
    TURNED,
    UPSIDE_DOWN,
    ScopeScorer,
    describe_pictures,
)
from phantoms.generate import make_phantom
from train.calibration.fit_scope import FEWEST_FILMS, DescribedFilms, fit_scope
from train.calibration.not_chests import ALTERED, GENERATED, generate

SIZE = 64
FILMS = 60


def picture(seed: int) -> np.ndarray:
    return make_phantom(seed % 3, seed=seed, size=SIZE).image.astype(np.float32) / 255


def described(pictures: list[np.ndarray]) -> np.ndarray:
    """With two numbers of a network, which are always 0."""
    found = describe_pictures(torch.from_numpy(np.stack([np.ascontiguousarray(each) for each in pictures])[:, None]))
    return np.pad(found.numpy(), ((0, 0), (0, 2)))


@pytest.fixture(scope="module")
def chests() -> DescribedFilms:
    """Generated chests and what is made from them."""
    films = [picture(seed) for seed in range(FILMS)]
    altered = [(alter(film), kind, index) for index, film in enumerate(films) for kind, alter in ALTERED.values()]
    drawn = [(generate(name, seed, SIZE), NO_CHEST, -1) for name in GENERATED for seed in range(20)]
    pictures, kinds, made_from = zip(*altered, *drawn, strict=True)
    others = described(list(pictures))[:, :PICTURE_LENGTH]
    patients = [f"p{index // 2}" for index in range(FILMS)]
    return DescribedFilms(described(films), patients, others, np.array(kinds), np.array(made_from))


@pytest.fixture(scope="module")
def scorer(chests: DescribedFilms) -> ScopeScorer:
    scope = fit_scope(chests)
    assert scope is not None
    assert 90 <= scope.in_scope_percent <= 100
    return ScopeScorer(scope)


def test_new_chests_are_in_scope(scorer: ScopeScorer) -> None:
    judged = scorer.score(described([picture(1000 + seed) for seed in range(60)]))
    assert sum(each.value for each in judged) >= 52
    assert {each.reason for each in judged if each.value} == {REASONS[FRONTAL]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("upside down", UPSIDE_DOWN),
        ("turned by half", UPSIDE_DOWN),
        ("turned to the left", TURNED),
        ("turned to the right", TURNED),
        ("inverted", INVERTED),
        ("pixels sorted", NO_CHEST),
    ],
)
def test_altered_chests_are_told_and_the_reason_named(scorer: ScopeScorer, name: str, kind: int) -> None:
    _, alter = ALTERED[name]
    judged = scorer.score(described([alter(picture(2000 + seed)) for seed in range(20)]))
    assert sum(not each.value for each in judged) >= 19
    assert sum(each.reason == REASONS[kind] for each in judged) >= 18


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pictures_are_told(scorer: ScopeScorer, name: str) -> None:
    judged = scorer.score(described([generate(name, 5000 + seed, SIZE) for seed in range(20)]))
    assert sum(not each.value for each in judged) >= 18


def test_a_network_that_answers_in_another_way_is_new(scorer: ScopeScorer) -> None:
    """The two numbers of the network never varied: any other value is far away."""
    film = described([picture(3000)])
    film[0, -1] = 1
    (judged,) = scorer.score(film)
    assert (judged.value, judged.reason) == (False, NOVEL)


def test_too_few_films_or_patients_give_no_scope(chests: DescribedFilms) -> None:
    def kept(films: int, patients: list[str]) -> DescribedFilms:
        allowed = chests.made_from < films
        return DescribedFilms(
            chests.films[:films], patients, chests.others[allowed], chests.kinds[allowed], chests.made_from[allowed]
        )

    assert fit_scope(kept(FEWEST_FILMS - 1, [str(i) for i in range(FEWEST_FILMS - 1)])) is None
    assert fit_scope(kept(FILMS, ["one"] * FILMS)) is None
    assert fit_scope(kept(FEWEST_FILMS, [str(i % 2) for i in range(FEWEST_FILMS)])) is not None


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("size", [16, 40])
def test_pictures_are_pictures_and_come_again(name: str, size: int) -> None:
    first = generate(name, 3, size)
    assert (first.shape, first.dtype) == ((size, size), np.float32)
    assert 0 <= first.min() <= first.max() <= 1
    assert np.array_equal(first, generate(name, 3, size))
    assert not np.array_equal(first, generate(name, 4, size))
