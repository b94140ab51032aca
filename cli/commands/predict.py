"""Classify chest X-rays with a running server: a line per image, or JSON.

Images go to the server one by one. One that is refused is reported on stderr, and the rest go on; the exit
status is then 1. Start a server with `coronet serve`.
"""

from __future__ import annotations

import argparse
import json
from functools import partial

from cli.asking import Asking, add_asking_arguments, connect, summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet predict`."""
    add_asking_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the server's answers, one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """Predict every image."""
    client = connect(args)
    asking = Asking()
    width = max(len(str(path)) for path in args.images)
    for path in args.images:
        image = asking.read(path)
        if image is None:
            continue
        answer = asking.answer(path, partial(client.predict, image, path.name))
        if answer is None:
            continue
        if args.json:
            print(json.dumps({"file": str(path), **answer}), flush=True)
        else:
            print(f"{path!s:<{width}}  {summary(answer)}", flush=True)
    return asking.finish()
