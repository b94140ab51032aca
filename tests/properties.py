"""What tests of properties share: hypothesis makes inputs, a test says what holds for all of them.

By default the inputs are the same in every run, so that a run tells of the code and not of luck. To look for new ones:

    HYPOTHESIS_PROFILE=search .venv/bin/python -m pytest -k properties
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# A busy machine makes no test fail: no deadline, no health check of speed.
_PATIENT = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("repeatable", _PATIENT, derandomize=True, max_examples=150)
settings.register_profile("search", _PATIENT, max_examples=5000)

# What JSON can hold, as Python reads it.
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def load_profile() -> None:
    """Use the profile that the environment names, or inputs that repeat."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def check_message(error: Exception, *words: object) -> None:
    """A message that goes to a caller is one line of ASCII of a decent length, whatever the input was.

    Args:
        error: what was raised.
        words: what the message must name.
    """
    message = str(error)
    assert message
    assert all(str(word) in message for word in words)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 600
