"""Which process does what, without other processes: barriers are written down instead of waited at."""

from __future__ import annotations

import numpy as np
import pytest

from train.rank import Rank


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a rank does, in order."""
    done: list[str] = []
    monkeypatch.setattr(Rank, "wait", lambda self: done.append("wait"))
    return done


@pytest.mark.parametrize(
    ("number", "order"), [(0, ["work", "wait", "wait"]), (1, ["wait", "work", "wait"])], ids=["first", "another"]
)
def test_the_first_works_before_the_first_barrier_and_the_rest_behind_it(
    steps: list[str], number: int, order: list[str]
) -> None:
    with Rank(number, 2).first_then_rest():
        steps.append("work")
    assert steps == order


def test_an_error_is_not_held_up_at_a_barrier(steps: list[str]) -> None:
    with pytest.raises(OSError, match="full"), Rank(0, 2).first_then_rest():
        raise OSError("full")
    assert steps == []


def test_shares_of_a_batch_make_up_the_batch() -> None:
    shares = [Rank(number, 3).share(np.arange(5)).tolist() for number in range(3)]
    assert shares == [[0, 1], [2, 3], [4]]
