"""The command line's list of methods is the registry's."""

from __future__ import annotations

from cli.explanation_methods import DEFAULT_METHOD, METHODS
from explanations import registry


def test_each_method_has_a_file_of_its_name():
    assert set(METHODS) == set(registry.METHODS)
    assert len(METHODS) == len(registry.METHODS)
    assert DEFAULT_METHOD == METHODS[0] == registry.DEFAULT_METHOD
