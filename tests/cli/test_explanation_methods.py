"""The command line's list of methods is the registry's."""

from __future__ import annotations

from cli.explanation_methods import METHODS
from explanations.registry import METHODS as REGISTERED


def test_names_in_the_same_order():
    assert list(REGISTERED) == list(METHODS)
