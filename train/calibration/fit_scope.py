"""From validation films to the statistics of `model_src.calibration.scope`: the gate, the novelty, and both limits.

Limits come from films held out in turn (patient by patient), so that they hold for films that the statistics have not
seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from model_src.calibration.scope import PICTURE_LENGTH, Numbers, Scope, ScopeScorer

FEWEST_FILMS = 20  # for any statement on what is in scope
FOLDS = 4
GATE_PERCENT, NOVELTY_PERCENT = 99, 96  # of validation films within each limit: together at least 95
_AXES = 16
_STRENGTH = 0.003  # of the gate: the inverse of its ridge, chosen on training films of covidx128
_LEAST_DEVIATION = 1e-3  # where films do not vary at all


@dataclass(frozen=True)
class DescribedFilms:
    """N validation films, and pictures made to be told from them.

    Attributes:
        films: float32 (N, D) descriptions.
        patients: of each film.
        others: float32 (M, PICTURE_LENGTH) descriptions of what is no frontal chest film.
        kinds: int (M,), indices of `scope.REASONS`.
        made_from: int (M,), the film that it was made from, -1 for none.
    """

    films: np.ndarray
    patients: Sequence[str]
    others: np.ndarray
    kinds: np.ndarray
    made_from: np.ndarray


def fit_scope(described: DescribedFilms) -> Scope | None:
    """The scope of these films; None where there are fewer than FEWEST_FILMS films or fewer than two patients."""
    count = len(described.films)
    folds = list(_folds(described.patients))
    if count < FEWEST_FILMS or len(folds) < 2:
        return None
    odds, distances = np.zeros(count), np.zeros(count)
    for held_out in folds:
        scorer = ScopeScorer(_fit(described, np.setdiff1d(np.arange(count), held_out)))
        odds[held_out] = scorer.kinds(described.films[held_out])[1]
        distances[held_out] = scorer.novelty(described.films[held_out])
    gate_limit, novelty_limit = _limit(odds, GATE_PERCENT), _limit(distances, NOVELTY_PERCENT)
    inside = float(100 * ((odds <= gate_limit) & (distances <= novelty_limit)).mean())
    return _fit(described, np.arange(count), gate_limit, novelty_limit, inside)


def _folds(patients: Sequence[str]) -> Iterator[np.ndarray]:
    """Indices of films to hold out, no patient in two folds."""
    names, of_film = np.unique(np.asarray(patients), return_inverse=True)
    fold_of_patient = np.random.default_rng(0).permutation(len(names)) % FOLDS
    for fold in range(FOLDS):
        held_out = np.flatnonzero(fold_of_patient[of_film] == fold)
        if len(held_out):
            yield held_out


def _limit(scores: np.ndarray, percent: int) -> float:
    """What `percent` of new films stay below, by their rank among these; the largest score where they are too few."""
    rank = min(len(scores), -(-(len(scores) + 1) * percent // 100))
    return float(np.sort(scores)[rank - 1])


def _fit(
    described: DescribedFilms,
    kept: np.ndarray,
    gate_limit: float = 0.0,
    novelty_limit: float = 1.0,
    in_scope_percent: float = 0.0,
) -> Scope:
    """The statistics of the films `kept`."""
    weights, bias = _fit_gate(described, kept)
    films = described.films[kept].astype(np.float64)
    centre, scale = films.mean(0), films.std(0) + _LEAST_DEVIATION
    standard = (films - centre) / scale
    _, values, axes = np.linalg.svd(standard, full_matrices=False)
    count = max(1, min(_AXES, len(kept) // 4))
    variances = values**2 / len(kept)
    rest = max(float(variances[count:].sum()) / (standard.shape[1] - count), _LEAST_DEVIATION)
    return Scope(
        gate_weights=Numbers.of(weights),
        gate_bias=Numbers.of(bias),
        gate_limit=gate_limit,
        centre=Numbers.of(centre),
        scale=Numbers.of(scale),
        axes=Numbers.of(axes[:count]),
        spread=Numbers.of(np.sqrt(variances[:count]).clip(_LEAST_DEVIATION)),
        rest=float(np.sqrt(rest)),
        novelty_limit=novelty_limit,
        in_scope_percent=in_scope_percent,
    )


def _fit_gate(described: DescribedFilms, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (5, PICTURE_LENGTH) and bias (5,) of the gate, on descriptions as they are."""
    allowed = (described.made_from < 0) | np.isin(described.made_from, kept)
    pictures = np.concatenate([described.films[kept, :PICTURE_LENGTH], described.others[allowed]]).astype(np.float64)
    kinds = np.concatenate([np.zeros(len(kept), int), described.kinds[allowed]])
    centre, scale = pictures.mean(0), pictures.std(0) + _LEAST_DEVIATION
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=500)
    model.fit((pictures - centre) / scale, kinds)
    weights = model.coef_ / scale
    return weights, model.intercept_ - weights @ centre
