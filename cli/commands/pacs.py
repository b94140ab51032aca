"""A node beside the PACS: chest films come by C-STORE, results go into their study.

    coronet pacs                      take films until stopped
    coronet pacs status               what waits, what failed and why
    coronet pacs retry [KEY ...]      give failed films new tries (all without KEY)
    coronet pacs --in DIR --out DIR   films from a folder, results into another: a module of mercure, whose
                                      variables MERCURE_IN_DIR and MERCURE_OUT_DIR are used too

The node's settings are a file (docs/how-to/pacs.md). It asks a server that runs: `coronet serve`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from cli.explanation_methods import METHODS
from cli.options import add_connection_arguments
from client.addresses import DEFAULT_URL
from client.tokens import TOKEN_VARIABLE
from model_src.errors import DataError
from model_src.time_limits import EXPLAIN_PATIENCE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet pacs`."""
    parser.add_argument("action", nargs="?", choices=["status", "retry"], help="(default: run the node)")
    parser.add_argument("keys", nargs="*", metavar="KEY", help="of failed films, or their first digits")
    parser.add_argument(
        "--settings", type=Path, default=Path("pacs.yaml"), metavar="FILE", help="of the node (default: %(default)s)"
    )
    folder = parser.add_argument_group("folder mode")
    folder.add_argument("--in", dest="source", type=Path, metavar="DIR", help="where films are (MERCURE_IN_DIR)")
    folder.add_argument("--out", type=Path, metavar="DIR", help="where results go (MERCURE_OUT_DIR)")
    folder.add_argument(
        "--method",
        choices=(*METHODS, "none"),
        default="grad_cam",
        help="how to explain (default: %(default)s); none: not at all",
    )
    add_connection_arguments(parser, EXPLAIN_PATIENCE)


def run(args: argparse.Namespace) -> int:
    """Run the node, or do what is asked."""
    from model_src.private_log import shorten_warnings

    shorten_warnings()  # pydicom's quote what stands in a file
    if args.action is None:
        source = args.source or _folder("MERCURE_IN_DIR")
        out = args.out or _folder("MERCURE_OUT_DIR")
        if source and out:
            return _run_folder(args, source, out)
        if source or out:
            raise DataError("found one of --in and --out, need both for folder mode, or none for the node")
        if args.url != DEFAULT_URL or args.token or args.token_file:
            raise DataError(
                "found --url, --token or --token-file without --in and --out, need server.url and server.token_file "
                f"in {args.settings} for the node"
            )
        return _run_node(args.settings)
    from pacs.settings import load_settings
    from pacs.status import retry_films, status_lines

    spool = load_settings(args.settings).spool
    print("\n".join(status_lines(spool) if args.action == "status" else retry_films(spool, args.keys)))
    return 0


def _run_node(settings_file: Path) -> int:
    from launcher.stop_signals import stop_signals
    from pacs.node import Node
    from pacs.settings import load_settings

    settings = load_settings(settings_file)
    if settings.explanation and settings.explanation.method not in METHODS:
        raise DataError(
            f"{settings_file}: explanation.method: found {settings.explanation.method!r}, "
            f"need one of {', '.join(METHODS)}, or explanation: null"
        )
    formatter = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("pacs").setLevel(logging.INFO)
    with stop_signals():
        node = Node(settings)
        listen = settings.listen
        try:
            node.start()
            print(f"{listen.ae_title} takes films at {listen.host} port {listen.port} from {', '.join(listen.callers)}")
            for way in node.ways:
                print(f"  target {way.target.name}: {way.sender.check() or 'answers'}")
            print("  stop    Ctrl-C", flush=True)
            node.run()
        except KeyboardInterrupt:
            print("stopping; films that wait go on after the next start", flush=True)
        finally:
            node.stop()
    return 0


def _run_folder(args: argparse.Namespace, source: Path, out: Path) -> int:
    from pacs.folder_mode import run_folder
    from pacs.scoring import Scorer
    from pacs.settings import Explanation, Scoring

    if args.token:
        os.environ[TOKEN_VARIABLE] = args.token
    server = Scoring(url=args.url, token_file=args.token_file, timeout_seconds=float(args.timeout))
    explanation = None if args.method == "none" else Explanation(method=args.method)
    return run_folder(source, out, Scorer(server, explanation))


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
