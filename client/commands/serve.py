"""Start TorchServe with coronet.mar and wait until the model answers; Ctrl-C stops it.

Java is found on this machine or comes with the installation. Access tokens stay on: `coronet predict` and
`coronet explain` of the same user find theirs, others get it from you.
"""

from __future__ import annotations

import argparse
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet serve`."""
    parser.add_argument(
        "--model-store",
        type=Path,
        default=Path("build/model-store"),
        metavar="DIR",
        help="directory with coronet.mar, as 'coronet archive' makes it (default: %(default)s)",
    )
    parser.add_argument("--port", type=_port, metavar="P", help="inference port (default: as configured, 8080)")
    parser.add_argument("--management-port", type=_port, metavar="P", help="(default: 8081; with --port, P + 1)")
    parser.add_argument("--metrics-port", type=_port, metavar="P", help="(default: 8082; with --port, P + 2)")
    parser.add_argument(
        "--workers", type=_positive, metavar="N", help="worker processes (default: as the archive says)"
    )
    parser.add_argument(
        "--ts-config",
        type=Path,
        default=CHECKOUT / "config.properties",
        metavar="FILE",
        help="TorchServe's configuration (default: the project's config.properties)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from client.server import torchserve
    from client.stop_signals import stop_signals

    with stop_signals():
        print("starting TorchServe ...", flush=True)
        with torchserve(
            args.model_store,
            args.ts_config,
            port=args.port,
            management_port=args.management_port,
            metrics_port=args.metrics_port,
            workers=args.workers,
        ) as server:
            model = server.describe()
            workers = model.get("workers", [])
            size = f"{len(workers)} x {'GPU' if any(worker['gpu'] for worker in workers) else 'CPU'}"
            authorization = f'-H "Authorization: Bearer {server.token.read()}" ' if server.token.file else ""
            print(
                f"coronet {model.get('modelVersion', '')} answers at {server.url} ({size})\n"
                f"  predict   coronet predict IMAGE --url {server.url}\n"
                f"  explain   coronet explain IMAGE --out DIR --url {server.url}\n"
                f"  curl      curl -f {authorization}{server.url}/predictions/coronet -T IMAGE\n"
                f"  logs      {server.logs}\n"
                "  stop      Ctrl-C",
                flush=True,
            )
            try:
                server.wait()
            except KeyboardInterrupt:
                print("stopping TorchServe ...", flush=True)
    return 0


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65533:
        raise argparse.ArgumentTypeError(f"found {text}, need a port number from 1 to 65533")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {text}, need at least 1")
    return number
