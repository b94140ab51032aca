"""Start TorchServe with coronet.mar and wait until the model answers; Ctrl-C stops it.

Predictions and explanations have worker processes of their own, so that a flood of the one does not hold up the
other (docs/background/serving.md). When it is stopped, requests in progress get 30 seconds to finish.

Java is found on this machine or comes with the installation. Access tokens stay on: `coronet predict` and
`coronet explain` of the same user find theirs, others get it from you.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from cli.shipped_model import LOCAL_STORE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet serve`."""
    parser.add_argument(
        "--model-store",
        type=Path,
        metavar="DIR",
        help=f"directory with coronet.mar, as 'coronet archive' makes it (default: {LOCAL_STORE} where it has one, "
        "else the model that comes with this package)",
    )
    parser.add_argument("--port", type=_port, metavar="P", help="inference port (default: as configured, 8080)")
    parser.add_argument("--management-port", type=_port, metavar="P", help="(default: none, a unix socket)")
    parser.add_argument("--metrics-port", type=_port, metavar="P", help="(default: 8082; with --port, P + 2)")
    parser.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="processes for predictions (default: one per GPU; without one, one per core, up to 4)",
    )
    parser.add_argument(
        "--explain-workers",
        type=_not_negative,
        metavar="N",
        help="processes for explanations (default: one, or one per GPU; 0: those for predictions do both)",
    )
    parser.add_argument(
        "--ts-config",
        type=Path,
        metavar="FILE",
        help="TorchServe's configuration (default: the config.properties that comes with this package)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from cli.shipped_model import default_model_store
    from launcher.packaged_files import TORCHSERVE_CONFIG
    from launcher.server import torchserve
    from launcher.stop_signals import stop_signals
    from launcher.worker_pools import ARCHIVE
    from model_src.model_names import EXPLAIN_MODEL

    with stop_signals():
        model_store = args.model_store or default_model_store()
        print(f"starting TorchServe with {model_store / ARCHIVE} ...", flush=True)
        with torchserve(
            model_store,
            args.ts_config or TORCHSERVE_CONFIG,
            port=args.port,
            management_port=args.management_port,
            metrics_port=args.metrics_port,
            workers=args.workers,
            explain_workers=args.explain_workers,
            progress=lambda line: print(f"  {line}", flush=True),
        ) as server:
            model = server.describe()
            workers = model.get("workers", [])
            explainers = server.describe(EXPLAIN_MODEL).get("workers", [])
            size = f"{len(workers)} x {'GPU' if any(worker['gpu'] for worker in workers) else 'CPU'}"
            size += f", {len(explainers)} more for explanations" if explainers else ""
            key_file = server.token.file
            # From a pipe: arguments are in the process list, which every user of the machine can read.
            header, option = (f"{_header_command(key_file)} | ", "-H @- ") if key_file else ("", "")
            print(
                f"coronet {model.get('modelVersion', '')} answers at {server.url} ({size})\n"
                f"  predict   coronet predict IMAGE --url {server.url}\n"
                f"  explain   coronet explain IMAGE --out DIR --url {server.url}\n"
                f"  curl      {header}curl --fail-with-body {option}{server.url}/predictions/coronet -T IMAGE\n"
                f"  logs      {server.logs}\n"
                "  stop      Ctrl-C",
                flush=True,
            )
            try:
                server.wait()
            except KeyboardInterrupt:
                print("stopping TorchServe, when requests in progress are done ...", flush=True)
                server.drain()
    return 0


def _header_command(key_file: Path) -> str:
    """A shell command that prints the header with the token: terminals are recorded, so it is not printed itself."""
    script = 'import json, sys; print("Authorization: Bearer", json.load(open(sys.argv[1]))["inference"]["key"])'
    return f"python3 -c {shlex.quote(script)} {shlex.quote(str(key_file))}"


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


def _not_negative(text: str) -> int:
    return int(text) and _positive(text)
