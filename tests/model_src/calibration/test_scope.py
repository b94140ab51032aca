"""The scope score of descriptions whose distance can be worked out, and what its arrays may be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model_src.calibration.scope import (
    FRONTAL,
    INVERTED,
    LIMIT,
    NOVEL,
    PICTURE_LENGTH,
    REASONS,
    Numbers,
    Scope,
    ScopeScorer,
    describe_pictures,
)

LENGTH = PICTURE_LENGTH + 2  # and two numbers of the network's


def make_scope(**changes: object) -> Scope:
    """The first number of a description is the log odds of "inverted", the last two are what novelty looks at."""
    weights = np.zeros((len(REASONS), PICTURE_LENGTH))
    weights[INVERTED, 0] = 1
    bias = np.full(len(REASONS), -1000.0)
    bias[[FRONTAL, INVERTED]] = 0
    axes = np.zeros((1, LENGTH))
    axes[0, -2] = 1
    values: dict[str, object] = {
        "gate_weights": Numbers.of(weights),
        "gate_bias": Numbers.of(bias),
        "gate_limit": 2.0,
        "centre": Numbers.of(np.zeros(LENGTH)),
        "scale": Numbers.of(np.full(LENGTH, 2.0)),
        "axes": Numbers.of(axes),
        "spread": Numbers.of(np.array([0.5])),
        "rest": 4.0,
        "novelty_limit": 0.5,
        "in_scope_percent": 95.0,
    }
    return Scope(**{**values, **changes})


def described(odds: float = 0.0, along: float = 0.0, across: float = 0.0) -> np.ndarray:
    description = np.zeros((1, LENGTH), np.float32)
    description[0, 0], description[0, -2], description[0, -1] = odds, along, across
    return description


def test_distance_worked_out_by_hand() -> None:
    scorer = ScopeScorer(make_scope())
    # Along the axis: 3 / 2 / 0.5 = 3 deviations; across it: 16 / 2 / 4 = 2; so the root of (9 + 4) / D.
    assert scorer.novelty(described(along=3, across=16))[0] == pytest.approx((13 / LENGTH) ** 0.5, rel=1e-5)
    assert scorer.novelty(described())[0] == 0


def test_the_gate_is_the_log_odds_beyond_their_limit() -> None:
    scorer = ScopeScorer(make_scope())
    inside, at_limit, outside, far = (scorer.score(described(odds=odds))[0] for odds in (0, 2, 3, 60))
    assert (inside.value, inside.reason) == (True, REASONS[FRONTAL])
    assert inside.score == pytest.approx(np.exp(-2), rel=1e-3)
    assert at_limit.score == pytest.approx(LIMIT, abs=1e-6)
    assert (outside.value, outside.reason) == (False, REASONS[INVERTED])
    assert outside.score == pytest.approx(np.e, rel=1e-2)
    assert far.score == pytest.approx(np.exp(10))  # and no more


def test_a_film_that_is_new_says_so() -> None:
    scorer = ScopeScorer(make_scope())
    strange = scorer.score(described(along=0.5 * LENGTH**0.5 + 0.1))[0]  # 2 x 0.5 deviations are the limit
    assert (strange.value, strange.reason) == (False, NOVEL)
    assert scorer.score(described(along=0.5 * LENGTH**0.5 - 0.1))[0].value


def test_a_summary_that_is_no_number_is_new_and_its_score_is_one() -> None:
    for value in (np.nan, np.inf, 1e30):
        judged = ScopeScorer(make_scope()).score(described(across=value))[0]
        assert (judged.value, judged.reason) == (False, NOVEL)
        assert judged.score == pytest.approx(np.exp(10))


def test_pictures_are_described_without_their_contrast() -> None:
    ramp = torch.linspace(0, 1, 32).repeat(32, 1)[None, None]
    dark, bright = describe_pictures(ramp * 0.5)[0], describe_pictures(ramp * 0.5 + 0.5)[0]
    assert dark.shape == (PICTURE_LENGTH,)
    cells = 16 * 16
    assert torch.allclose(dark[:cells], bright[:cells], atol=1e-5)
    assert float(bright[cells] - dark[cells]) == pytest.approx(0.5)  # the mean
    assert float(dark[cells + 2]) == pytest.approx(0.5 / 31)  # from one pixel to the next, across
    assert float(dark[cells + 3]) == 0  # and down
    assert describe_pictures(torch.full((1, 1, 24, 24), 0.3)).isfinite().all()


def test_numbers_survive_the_file() -> None:
    values = np.array([[1.0, -0.25], [1e-3, 6e4]])
    assert np.allclose(Numbers.of(values).array(), values, rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gate_bias": Numbers.of(np.zeros(4))}, "do not fit each other"),
        ({"spread": Numbers.of(np.ones(2))}, "do not fit each other"),
        ({"novelty_limit": 0.0}, "greater than 0"),
        ({"rest": float("nan")}, "greater than 0|finite"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_scope(**changes)


@pytest.mark.parametrize(("shape", "text"), [((3,), "AAAA"), ((1,), "/////w=="), ((1,), "?"), ((1,), "AH4=")])
def test_damaged_numbers_are_refused(shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(ValueError, match=r"1 validation error"):
        Numbers(shape, text)
