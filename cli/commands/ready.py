"""Ask a running server's model for a small prediction and a small explanation: exit status 0 when both are answered.

For supervisors and load balancers. TorchServe's own /ping says Healthy before a model has loaded, and after one has
failed to. A server that has no time within --timeout is busy, not broken: on its own machine, where it can be asked
whether its workers are there, that is exit status 0 and said.
"""

from __future__ import annotations

import argparse
import time

from cli.options import add_connection_arguments, connect, seconds_or_none
from client.tokens import find_token
from client.worker_status import all_pools_work
from model_src.errors import Overloaded, RequestError, ServerError
from model_src.time_limits import READY_PATIENCE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet ready`."""
    parser.add_argument(
        "--wait",
        type=seconds_or_none,
        default=0.0,
        metavar="SECONDS",
        help="ask again for so long, as after a start (default: ask once)",
    )
    add_connection_arguments(parser, timeout=READY_PATIENCE)


def run(args: argparse.Namespace) -> int:
    """Ask until the model answers or the time is over."""
    deadline = time.monotonic() + args.wait
    while True:
        try:
            connect(args).check()  # anew each time: a server that has just started has a new token
        except (RequestError, ServerError) as error:
            if time.monotonic() < deadline:
                time.sleep(0.5)
            elif isinstance(error, Overloaded) and all_pools_work(find_token(args.url, args.token, args.token_file)):
                print(f"{args.url} is busy, its workers are there: {error}")
                return 0
            else:
                raise ServerError(f"not ready: {error}") from None
        else:
            print(f"{args.url} answers")
            return 0
