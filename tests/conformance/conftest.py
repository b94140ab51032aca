"""Both fronts, each started once, with the same archive and the same numbers of workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.ray_front import ray_front
from launcher.server import Server
from launcher.torchserve_config import free_ports
from phantoms.generate import make_phantom
from tests.conformance.asked import Inputs
from tests.fixtures.films import film
from tests.image_writers import write_picture

FRONTS = ("torchserve", "ray")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts servers is marked e2e, as in tests/e2e."""
    for item in items:
        if Path(__file__).parent in item.path.parents and {"front", "server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def ray_server(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ray Serve as tests/conftest.py has TorchServe: two workers for predictions, one for explanations."""
    port, metrics_port = free_ports(2)
    with ray_front(
        model_store, port=port, metrics_port=metrics_port, workers=2, state=tmp_path_factory.mktemp("ray")
    ) as running:
        yield running


@pytest.fixture(scope="session", params=FRONTS)
def front(request: pytest.FixtureRequest) -> tuple[str, Server]:
    """Name of a front, and a running server."""
    return request.param, request.getfixturevalue("server" if request.param == "torchserve" else "ray_server")


@pytest.fixture(scope="session")
def inputs() -> Inputs:
    """Files to send."""
    healthy, covid = (write_picture(make_phantom(label, seed=label, size=96).image) for label in (0, 2))
    return Inputs(healthy, covid, film(size=96))
