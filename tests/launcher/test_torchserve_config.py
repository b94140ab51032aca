"""Ports and addresses of a server, from the file and the options."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from launcher.torchserve_config import free_ports, is_free, read_properties, settle_addresses, write_config
from model_src.errors import ServerError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def three_free() -> int:
    """The first of three free ports in a row."""
    for port in free_ports(20):
        if all(is_free(port + offset) for offset in (1, 2)):
            return port
    pytest.fail("no three free ports in a row")


@pytest.fixture
def taken():
    """A port that something listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_one_option_moves_all_three_ports(three_free):
    addresses = settle_addresses({}, port=three_free)
    assert addresses.port == three_free
    assert [addresses.inference, addresses.management, addresses.metrics] == [
        f"http://127.0.0.1:{three_free + offset}" for offset in range(3)
    ]


def test_addresses_come_from_the_file():
    first, second, third = free_ports(3)
    properties = {
        "inference_address": f"http://127.0.0.1:{first}",
        "management_address": f"http://localhost:{second}",
        "metrics_address": f"http://127.0.0.1:{third}/",
    }
    addresses = settle_addresses(properties)
    assert addresses.inference == f"http://127.0.0.1:{first}"
    assert addresses.management == f"http://localhost:{second}"
    assert addresses.metrics == f"http://127.0.0.1:{third}"


@pytest.mark.parametrize("option", ["port", "management_port", "metrics_port"])
def test_a_port_in_use_is_named_with_its_option(taken, option):
    ports = dict(zip(("port", "management_port", "metrics_port"), free_ports(3), strict=True)) | {option: taken}
    with pytest.raises(
        ServerError,
        match=rf"port {taken} .* is in use.*--{option.replace('_', '-')}, as in: coronet serve",
    ):
        settle_addresses({}, **ports)


def test_servers_that_start_together_have_different_grpc_ports(three_free):
    first, second = (settle_addresses({}, port=three_free) for _ in range(2))
    assert len({*(7070, 7071), *(a.grpc_inference for a in (first, second)), first.grpc_management}) == 5


def test_management_goes_to_the_socket_unless_a_port_is_given(three_free, taken):
    by_default = settle_addresses({"management_address": f"http://127.0.0.1:{taken}"}, management_socket="/tmp/x.sock")
    assert by_default.management == "unix:/tmp/x.sock"  # its port is not used, and need not be free
    chosen = settle_addresses({}, three_free, three_free + 1, management_socket="/tmp/x.sock")
    assert chosen.management == f"http://127.0.0.1:{three_free + 1}"


def test_the_same_address_twice():
    port = free_ports(1)[0]
    with pytest.raises(ServerError, match="need different ones"):
        settle_addresses({}, port=port, management_port=port)


@pytest.mark.parametrize("address", ["https://127.0.0.1:8443", "unix:/tmp/socket", "127.0.0.1:8080"])
def test_addresses_that_are_a_proxys_work(address):
    with pytest.raises(ServerError, match="need http://host:port"):
        settle_addresses({"inference_address": address})


def test_written_settings_win_over_the_files_own(tmp_path, three_free):
    base = tmp_path / "config.properties"
    base.write_text("# comment=1\ninference_address=http://127.0.0.1:8080\n job_queue_size = 7\n")
    write_config(base, settle_addresses({}, port=three_free), tmp_path / "written", model_snapshot='{"a": 1}')
    settings = read_properties(tmp_path / "written")
    assert settings["inference_address"] == f"http://127.0.0.1:{three_free}"
    assert settings["job_queue_size"] == "7"
    assert settings["model_snapshot"] == '{"a": 1}'
    assert "# comment" not in settings


def test_a_missing_file():
    with pytest.raises(ServerError, match=r"nowhere/config\.properties cannot be read.*--ts-config"):
        read_properties(Path("nowhere/config.properties"))


def test_the_projects_own_configuration_is_closed_to_the_outside():
    settings = read_properties(ROOT / "config.properties")
    assert all("127.0.0.1" in value for name, value in settings.items() if name.endswith("_address"))
    assert settings["disable_token_authorization"] == "false"
    assert settings["enable_model_api"] == "false"
    # an 18 MB DICOM as base64 in JSON
    assert int(settings["max_request_size"]) > 18e6 * 4 / 3 + 1000
