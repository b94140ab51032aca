"""What this room's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.fake_server import fake_server  # noqa: F401 (a fixture)
from tests.fixtures.pynetdicom_sockets import collected_sockets  # noqa: F401 (a fixture)
from tests.fixtures.scoring_server import ScoringServer


@pytest.fixture
def scoring() -> Iterator[ScoringServer]:
    """A server that answers films."""
    server = ScoringServer()
    yield server
    server.stop()
