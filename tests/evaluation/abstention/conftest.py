"""Fixtures of this folder."""

from tests.fixtures.calibrated import calibrated_dir  # noqa: F401 (fixtures)
from tests.fixtures.hand_set_model import _temporary_directory, hand_set_dir  # noqa: F401 (fixtures)
