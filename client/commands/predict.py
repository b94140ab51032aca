"""Classify chest X-rays with a running server: a line per image, or JSON.

Images go to the server one by one. One that is refused is reported on stderr, and the rest go on; the exit
status is then 1. Start a server with `coronet serve`.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any

from client.asking import Asking, add_asking_arguments, connect


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


def summary(answer: dict[str, Any]) -> str:
    """An answer in a few words: "COVID-19 0.880  (Pneumonia 0.100, Healthy 0.020)"."""
    probabilities = sorted(answer["probabilities"].items(), key=lambda item: -item[1])
    others = ", ".join(f"{name} {p:.3f}" for name, p in probabilities if name != answer["label"])
    return f"{answer['label']} {answer['probabilities'][answer['label']]:.3f}  ({others})"
