"""Fixtures of this room."""

from tests.fixtures.hand_set_model import (  # noqa: F401 (fixtures)
    _temporary_directory,
    chest_png,
    hand_set_dir,
    make_context,
    make_png,
    predictor,
)
