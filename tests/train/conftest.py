"""Fixtures of this room."""

from tests.fixtures.short_run import recipe, stripes, whole  # noqa: F401 (fixtures)
