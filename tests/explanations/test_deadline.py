"""When the time for a map is over: by the clock, or because nobody waits for it."""

from __future__ import annotations

import pytest

from explanations.deadline import Deadline, over
from model_src.errors import Overloaded


def test_by_the_clock():
    assert not Deadline.after(60, "a minute").passed()
    assert Deadline.after(0, "no time").passed()
    assert not over(None)


def test_an_abandoned_one_is_over_at_once_and_says_why():
    gone: list[bool] = []
    deadline = Deadline.after(60, "a minute", lambda: bool(gone))
    deadline.check_wanted()
    assert not over(deadline)
    gone.append(True)
    assert over(deadline)
    with pytest.raises(Overloaded, match="nobody waits for this explanation any more"):
        deadline.check_wanted()
