"""The fake server of tests/fixtures, for the installed command to ask."""

from tests.fixtures.fake_server import fake_server, xray_png  # noqa: F401
