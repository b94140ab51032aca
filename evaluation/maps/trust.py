"""The four tests of Arun et al. 2021 (Radiology: Artificial Intelligence 3(6), e200267) for one explanation method.

What a method needs, and why:

localisation     its area under precision-recall lies above the box prior's, film by film, with the whole interval. Arun
                 et al. hold methods against the mean of the training masks too: a map that is no better says nothing of
                 the film in hand.
randomisation    with all weights random its maps are less like the trained model's than maps of two different films of
                 the trained model are like each other: the mark that Arun et al. take. Weights are lost in a cascade
                 from the answer back to the film (Adebayo et al. 2018).
repeatability    mean structural similarity of at least LIKE, and above that of two different films: with other random
                 numbers for the method, and on other trainings of the same recipe; the lower of both counts.
reproducibility  the same on another architecture.

LIKE is our choice: half of the way from unlike (0) to the same (1). The mark of two different films is needed besides,
because a method that draws much the same map for every film repeats itself perfectly.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from evaluation.explanation_scores import randomise
from evaluation.intervals import Estimate
from evaluation.maps.figures import difference_of, mean_of
from evaluation.maps.films import MarkedFilm
from evaluation.maps.localisation import localise
from evaluation.maps.similarity import similarity
from model_src.certificate import TestResult
from model_src.networks.coronet import CoroNet

LIKE = 0.5
PAIRS = 50  # of two different films, as Arun et al. take

Draw = Callable[[CoroNet, Sequence[MarkedFilm], int], list[np.ndarray]]  # network, films, seed -> maps


@dataclass(frozen=True)
class Others:
    """Other models to hold the maps against, each with the same films at its own size."""

    retrained: Sequence[tuple[CoroNet, Sequence[MarkedFilm]]] = ()
    architectures: Sequence[tuple[CoroNet, Sequence[MarkedFilm]]] = ()


def four_tests(
    draw: Draw,
    network: CoroNet,
    films: Sequence[MarkedFilm],
    prior: np.ndarray | None,
    others: Others,
    seed: int,
) -> tuple[TestResult, ...]:
    """The four tests of the method that `draw` draws maps by, on films with boxes that the model tells rightly."""
    maps = draw(network, films, seed)
    patients = [film.patient for film in films]
    apart = _of_different_films(maps, seed)

    def alike(drawn: Sequence[np.ndarray]) -> Estimate:
        values = [max(0.0, similarity(one, other)) for one, other in zip(maps, drawn, strict=True)]
        return mean_of(values, patients, seed=seed)

    random = {stage: alike(draw(lost, films, seed)) for stage, lost in _cascade(network, seed)}
    again = {"other random numbers": alike(draw(network, films, seed + 1))}
    trained = {
        f"other training {number}": alike(draw(other, seen, seed))
        for number, (other, seen) in enumerate(others.retrained, start=1)
    }
    built = {
        f"other architecture {number}": alike(draw(other, seen, seed))
        for number, (other, seen) in enumerate(others.architectures, start=1)
    }
    return (
        _localisation(maps, films, prior, seed),
        _lost(random, apart, len(films)),
        _kept(
            "repeatability", {**again, **trained} if trained else {}, apart, len(films), "no other training was given"
        ),
        _kept("reproducibility", built, apart, len(films), "no other architecture was given"),
    )


def _localisation(
    maps: Sequence[np.ndarray], films: Sequence[MarkedFilm], prior: np.ndarray | None, seed: int
) -> TestResult:
    if prior is None:
        return _not_made("localisation", "no training film has a box: there is no box prior")
    found = [localise(heatmap, film.region).precision_recall for heatmap, film in zip(maps, films, strict=True)]
    usual = [localise(prior, film.region).precision_recall for film in films]
    patients = [film.patient for film in films]
    mean, above = mean_of(found, patients, seed=seed), difference_of(found, usual, patients, seed=seed)
    return TestResult(
        test="localisation",
        passed=above.low is not None and above.low > 0,
        figure=_rounded(mean.value),
        low=_rounded(mean.low),
        high=_rounded(mean.high),
        needed=f"more than the {np.mean(usual):.2f} of the box prior, beyond chance",
        films=len(films),
        of="area under precision-recall of pixels",
        parts={
            "box prior": round(float(np.mean(usual)), 4),
            **{f"above it, {name}": round(end, 4) for name, end in _ends(above).items()},
        },
    )


def _cascade(network: CoroNet, seed: int) -> list[tuple[str, CoroNet]]:
    """Copies that have lost more and more, from the answer back to the film; the last has lost everything."""
    parts = [(name, part) for name, part in network.cin.named_children() if any(True for _ in part.parameters())]
    names = [name for name, _ in reversed(parts)]
    stages = {"last layer": names[:1], "last block": names[:2], "classifier": names}
    copies = []
    for number, (title, lost) in enumerate(stages.items()):
        changed = copy.deepcopy(network)
        for name in lost:
            randomise(changed.cin.get_submodule(name), seed + number)
        copies.append((title, changed))
    changed = copy.deepcopy(copies[-1][1])
    if _has_parameters(changed.tfen):
        randomise(changed.tfen, seed + len(stages))
        copies.append(("autoencoders too", changed))
    return copies


def _has_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _lost(random: dict[str, Estimate], apart: float | None, films: int) -> TestResult:
    last = list(random.values())[-1]
    if apart is None or last.value is None:
        return _not_made("randomisation", "needs at least two films")
    return TestResult(
        test="randomisation",
        passed=last.value < apart,
        figure=_rounded(last.value),
        low=_rounded(last.low),
        high=_rounded(last.high),
        needed=f"less than the {apart:.2f} of two different films",
        films=films,
        of="structural similarity to the trained model's map",
        parts={**_parts(random), "two different films": round(apart, 4)},
    )


def _kept(test: str, found: dict[str, Estimate], apart: float | None, films: int, missing: str) -> TestResult:
    """The least alike of `found` must still be alike."""
    defined = [estimate for estimate in found.values() if estimate.value is not None]
    if not defined or apart is None:
        return _not_made(test, missing if not found else "needs at least two films")
    least = min(defined, key=lambda estimate: estimate.value or 0.0)
    value = least.value or 0.0
    return TestResult(
        test=test,  # type: ignore[arg-type]
        passed=value >= LIKE and value > apart,
        figure=_rounded(value),
        low=_rounded(least.low),
        high=_rounded(least.high),
        needed=f"{LIKE} and more than the {apart:.2f} of two different films",
        films=films,
        of="structural similarity to the map of this model",
        parts={**_parts(found), "two different films": round(apart, 4)},
    )


def _not_made(test: str, why: str) -> TestResult:
    return TestResult(test, None, None, None, None, why, 0, "", {})  # type: ignore[arg-type]


def _of_different_films(maps: Sequence[np.ndarray], seed: int) -> float | None:
    """Mean similarity of PAIRS random pairs of different films' maps; None for a single film."""
    pairs = list(itertools.combinations(range(len(maps)), 2))
    if not pairs:
        return None
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:PAIRS]
    return float(np.mean([max(0.0, similarity(maps[pairs[i][0]], maps[pairs[i][1]])) for i in chosen]))


def _parts(found: dict[str, Estimate]) -> dict[str, float]:
    return {name: round(estimate.value, 4) for name, estimate in found.items() if estimate.value is not None}


def _ends(estimate: Estimate) -> dict[str, float]:
    named = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: value for name, value in named.items() if value is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
