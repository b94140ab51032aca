"""Fixtures of this room."""

from tests.fixtures.fake_server import fake_server, xray_png  # noqa: F401 (fixtures)
from tests.fixtures.wheel import sources, wheel  # noqa: F401 (fixtures)
