"""TorchServe's config.properties as `coronet serve` uses it: the user's file with its ports settled."""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from model_src.atomic import atomic_write
from model_src.errors import ServerError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Addresses:
    """Where TorchServe listens: three HTTP addresses (http://host:port) and two gRPC ports.

    `management` may be unix: and the path of a socket.
    """

    inference: str
    management: str
    metrics: str
    grpc_inference: int
    grpc_management: int

    @property
    def port(self) -> int:
        """The inference port."""
        return host_and_port(self.inference)[1]


def read_properties(path: Path) -> dict[str, str]:
    """The settings of a config.properties, by name.

    Raises:
        ServerError: there is no such file.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(f"TorchServe's configuration {path} cannot be read ({error}): see --ts-config") from None
    settings = (line.strip().partition("=") for line in lines if not line.lstrip().startswith(("#", "!")))
    return {name.strip(): value.strip() for name, equals, value in settings if equals}


def settle_addresses(
    properties: dict[str, str],
    port: int | None = None,
    management_port: int | None = None,
    metrics_port: int | None = None,
    management_socket: str | None = None,
) -> Addresses:
    """Addresses by the given ports, else by the file, and checked to be free.

    With `port` alone, management and metrics take the two ports after it, so that a second server needs one
    option. Management goes to `management_socket` (a path), if there is one and no port was given for it. gRPC,
    which this project does not use and TorchServe cannot leave away, gets any free ports, so that servers that start
    in the same moment do not meet at its usual ones.

    Raises:
        ServerError: an address that is not http://host:port, or a port in use.
    """
    use_socket = management_socket is not None and management_port is None
    if port is not None:
        management_port = management_port or port + 1
        metrics_port = metrics_port or port + 2
    inference, management, metrics = [
        _with_port(properties.get(f"{name}_address", f"http://{LOOPBACK}:{default}"), name, chosen)
        for name, default, chosen in (
            ("inference", 8080, port),
            ("management", 8081, management_port),
            ("metrics", 8082, metrics_port),
        )
    ]
    listening = {"--port": inference, "--management-port": management, "--metrics-port": metrics}
    if use_socket:
        management = f"unix:{management_socket}"
        del listening["--management-port"]
    if len(set(listening.values())) < len(listening):
        raise ServerError(f"found the addresses {', '.join(listening.values())}, need different ones: see --port")
    for option, address in listening.items():
        host, number = host_and_port(address)
        if not is_free(number, host):
            raise ServerError(
                f"port {number} on {host} is in use: stop what runs there (a 'coronet serve' of yours?), or choose "
                f"another with {option}, as in: coronet serve {option} {number + 10}"
            )
    return Addresses(inference, management, metrics, *free_ports(2))


def write_config(base: Path, addresses: Addresses, path: Path, **settings: str) -> None:
    """Write `base` with `addresses` and `settings` after it (of a repeated name, TorchServe takes the last)."""
    settled = asdict(addresses)
    lines = [f"{name}_address={settled[name]}" for name in ("inference", "management", "metrics")]
    lines += [f"{name}_port={settled[name]}" for name in ("grpc_inference", "grpc_management")]
    lines += [f"{name}={value}" for name, value in settings.items()]
    with atomic_write(path) as temporary:
        temporary.write_text(base.read_text() + "\n# Settled by 'coronet serve'\n" + "\n".join(lines) + "\n")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """True when nothing listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Different ports of this machine that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def with_host(properties: dict[str, str], name: str, host: str) -> str:
    """The address of a name ("inference", "metrics") in the settings, at another host."""
    default = {"inference": 8080, "metrics": 8082}[name]
    return f"http://{host}:{host_and_port(properties.get(f'{name}_address', f'http://{LOOPBACK}:{default}'))[1]}"


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of http://host:port."""
    parts = urlsplit(address)
    return parts.hostname or LOOPBACK, parts.port or 80


def _with_port(address: str, name: str, port: int | None) -> str:
    """`address` with another port, if one is given; raises ServerError when it is not http://host:port."""
    try:
        parts = urlsplit(address)
        own = parts.port or 80
    except ValueError as error:  # no number from 0 to 65535, or half an IPv6 address
        raise ServerError(f"found {name}_address={address} ({error}), need http://host:port") from None
    if parts.scheme != "http" or not parts.hostname or not parts.hostname.isascii():
        raise ServerError(f"found {name}_address={address}, need http://host:port: TLS is a proxy's work")
    return f"http://{parts.hostname}:{port or own}"
