"""How many predictions a running server answers, and how long each takes, for several numbers of clients.

Each client asks again as soon as it has its answer; the waits are those of the callers, queueing included. A server
in use shows what is left of it, and its users notice. What the kit itself was measured at: docs/experiments.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path

from cli.file_names import shown
from cli.options import add_connection_arguments, connect, positive_seconds
from client.http import gray_png
from client.load import Ask, Load, drive
from model_src.errors import RequestError

_SIDE = 512  # pixels of the picture that is sent when none is given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet bench`."""
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="X-rays to send in turn (a gray ramp)")
    parser.add_argument(
        "--clients", type=_numbers, default=[1, 4, 16, 64], metavar="N,N,...", help="how many at once (1,4,16,64)"
    )
    parser.add_argument("--seconds", type=positive_seconds, default=10.0, help="how long for each number (%(default)g)")
    parser.add_argument("--json", action="store_true", help="figures as JSON, one object per line")
    add_connection_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure; status 1 if a request failed."""
    images = [_read(path) for path in args.images] or [gray_png(_SIDE)]
    connect(args).predict(images[0])  # tells what is wrong before 64 clients do
    if not args.json:
        print(HEADING)
    failed: list[str] = []
    for clients in args.clients:
        load = drive(_clients(args, images), clients, args.seconds)
        failed += load.failures
        print(json.dumps(load.as_json()) if args.json else row(load), flush=True)
    if failed:
        raise RequestError(f"{len(failed)} requests failed, the first with: {failed[0]}")
    return 0


HEADING = "| clients | answered | failed | images/s | p50 | p95 | p99 |\n| --- | --- | --- | --- | --- | --- | --- |"


def row(load: Load) -> str:
    """A line of the table under HEADING."""
    waits = " | ".join(f"{load.percentile(percent) * 1000:.0f} ms" for percent in (50, 95, 99))
    answered = f"{len(load.waits)} | {len(load.failures)} | {load.per_second:.2f}"
    return f"| {load.clients} | {answered} | {waits} |"


def _clients(args: argparse.Namespace, images: list[bytes]) -> Callable[[], Ask]:
    def new_client() -> Ask:
        client, turns = connect(args), itertools.cycle(images)
        return lambda: client.predict(next(turns))

    return new_client


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{shown(path)}: cannot be read: {error.strerror}") from None


def _numbers(text: str) -> list[int]:
    """Positive whole numbers with commas between them."""
    numbers = [int(part) if part.strip().isdecimal() else 0 for part in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(
            f"found {text!r}, need whole numbers from 1 with commas between, such as 1,4,16"
        )
    return numbers
