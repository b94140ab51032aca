"""Ask a running server's model for a small prediction and a small explanation: exit status 0 when both are answered.

For supervisors and load balancers. TorchServe's own /ping says Healthy before a model has loaded, and after one has
failed to. A flood of explanations makes this one wait its turn: give --timeout what callers would wait.
"""

from __future__ import annotations

import argparse
import time

from client.asking import add_connection_arguments, connect
from model_src.errors import RequestError, ServerError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet ready`."""
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="ask again for so long, as after a start (default: ask once)",
    )
    add_connection_arguments(parser, timeout=60.0)


def run(args: argparse.Namespace) -> int:
    """Ask until the model answers or the time is over."""
    deadline = time.monotonic() + args.wait
    while True:
        try:
            connect(args).check()  # anew each time: a server that has just started has a new token
        except (RequestError, ServerError) as error:
            if time.monotonic() >= deadline:
                raise ServerError(f"not ready: {error}") from None
            time.sleep(0.5)
        else:
            print(f"{args.url} answers")
            return 0
