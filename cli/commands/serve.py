"""Start a server with coronet.mar and wait until the model answers; Ctrl-C stops it.

Predictions and explanations have worker processes of their own, so that a flood of the one does not hold up the
other (docs/background/serving.md). When it is stopped, requests in progress get 30 seconds to finish.

The server is TorchServe, whose Java is found on this machine or comes with the installation; or, with --front ray,
Ray Serve, which needs neither. Access tokens stay on: `coronet predict` and `coronet explain` of the same user find
theirs, others get it from you. With --keys, the tokens are those of a file or directory of yours.
"""

from __future__ import annotations

import argparse
import shlex
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import seconds_or_none
from cli.shipped_model import LOCAL_STORE
from model_src.errors import ServerError
from model_src.time_limits import KEY_OVERLAP

if TYPE_CHECKING:
    from launcher.server import Server

_NAMES = {"torchserve": "TorchServe", "ray": "Ray Serve"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet serve`."""
    parser.add_argument(
        "--model-store",
        type=Path,
        metavar="DIR",
        help=f"directory with coronet.mar, as 'coronet archive' makes it (default: {LOCAL_STORE} where it has one, "
        "else the model that comes with this package)",
    )
    parser.add_argument(
        "--front", choices=["torchserve", "ray"], default="torchserve", help="the server (default: %(default)s)"
    )
    parser.add_argument("--port", type=_port, metavar="P", help="inference port (default: as configured, 8080)")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the machine's address that requests and metrics come to (default: as configured, 127.0.0.1)",
    )
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
    keys = parser.add_argument_group("keys", "docs/how-to/keys.md")
    keys.add_argument(
        "--keys",
        type=Path,
        metavar="PATH",
        help="the keys to let in, read again when they change: a directory with a key in each file, such as a mounted "
        "secret, or a file with a key in each line (default: a new key at each start)",
    )
    keys.add_argument(
        "--key-overlap",
        type=seconds_or_none,
        default=KEY_OVERLAP,
        metavar="SECONDS",
        help="a key that is taken away stays good for so long (default: %(default)g)",
    )
    ray = parser.add_argument_group("--front ray")
    ray.add_argument(
        "--most-workers", type=_positive, metavar="N", help="grow to so many for predictions under load (--workers)"
    )
    ray.add_argument(
        "--most-explain-workers", type=_positive, metavar="N", help="the same for explanations (--explain-workers)"
    )
    ray.add_argument("--dashboard", action="store_true", help="Ray's own page, on this machine's port 8265")
    torchserve = parser.add_argument_group("--front torchserve")
    torchserve.add_argument(
        "--ts-config",
        type=Path,
        metavar="FILE",
        help="TorchServe's configuration (default: the config.properties that comes with this package)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from cli.shipped_model import default_model_store
    from launcher.stop_signals import stop_signals
    from launcher.worker_pools import ARCHIVE
    from model_src.model_names import EXPLAIN_MODEL

    _refuse_of_another_front(args)
    with stop_signals():
        model_store = args.model_store or default_model_store()
        print(f"starting {_NAMES[args.front]} with {model_store / ARCHIVE} ...", flush=True)
        with _front(args, model_store) as server:
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
                print(f"stopping {server.name}, when requests in progress are done ...", flush=True)
                server.drain()
    return 0


def _front(args: argparse.Namespace, model_store: Path) -> AbstractContextManager[Server]:
    """The server that was asked for, which runs inside the context."""
    from launcher.mounted_keys import MountedKeys

    keys = MountedKeys(args.keys, args.key_overlap) if args.keys else None
    common: dict[str, Any] = {
        "host": args.host,
        "port": args.port,
        "metrics_port": args.metrics_port,
        "workers": args.workers,
        "explain_workers": args.explain_workers,
        "keys": keys,
        "progress": lambda line: print(f"  {line}", flush=True),
    }
    if args.front == "ray":
        from launcher.ray_front import ray_front

        return ray_front(
            model_store,
            most_workers=args.most_workers,
            most_explain_workers=args.most_explain_workers,
            dashboard=args.dashboard,
            **common,
        )
    from launcher.packaged_files import TORCHSERVE_CONFIG
    from launcher.server import torchserve

    config = args.ts_config or TORCHSERVE_CONFIG
    return torchserve(model_store, config, management_port=args.management_port, **common)


def _refuse_of_another_front(args: argparse.Namespace) -> None:
    """Raises ServerError for an option that the front would not look at."""
    others = {
        "torchserve": ("most_workers", "most_explain_workers", "dashboard"),
        "ray": ("ts_config", "management_port"),
    }
    for name in others[args.front]:
        if getattr(args, name):
            option = f"--{name.replace('_', '-')}"
            other = "ray" if args.front == "torchserve" else "torchserve"
            raise ServerError(f"{option}: found it with --front {args.front}, need --front {other}: leave one away")


def _header_command(key_file: Path) -> str:
    """A shell command that prints the header with the token: terminals are recorded, so it is not printed itself."""
    script = 'import json, sys; print("Authorization: Bearer", json.load(open(sys.argv[1]))["inference"]["key"])'
    if key_file.name != "key_file.json":  # a key of the user's own
        script = 'import sys; print("Authorization: Bearer", open(sys.argv[1]).readline().strip())'
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
