"""Fixtures of this room."""

from tests.fixtures.fake_server import fake_server, xray_png  # noqa: F401 (fixtures)
