"""Classify chest X-rays with a running server: a line or two per image, or JSON.

Images go to the server one by one. One that is refused is reported on stderr, and the rest go on; the exit
status is then 1. Start a server with `coronet serve`.
"""

from __future__ import annotations

import argparse
import json
from functools import partial

from cli.file_names import COLUMN, shown
from cli.image_batch import ImageBatch, expand, summary
from cli.options import add_connection_arguments, add_image_arguments, connect
from client.answer_words import answer_in_words
from model_src.errors import RequestError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet predict`."""
    add_image_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the server's responses, one JSON object per line")
    add_connection_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Predict every image."""
    client = connect(args)
    images = expand(args.images, args.recursive)
    batch = ImageBatch()
    width = min(COLUMN, max(len(shown(path)) for path in images))
    for path in images:
        image = batch.read(path)
        if image is None:
            continue
        response = batch.ask(path, partial(client.predict, image, path.name))
        if isinstance(response, RequestError):
            continue
        if args.json:
            print(json.dumps({"file": shown(path), **response}), flush=True)
        else:
            print(f"{shown(path):<{width}}  {summary(response)}", flush=True)
            if words := answer_in_words(response):
                print(f"{'':<{width}}  {' '.join(words)}", flush=True)
    return batch.finish()
