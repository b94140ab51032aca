"""Fixtures of this room."""

from tests.fixtures.hand_set_model import _temporary_directory, chest_png, core, hand_set_dir, make_context, make_png  # noqa: F401 (fixtures)
