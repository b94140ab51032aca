"""Options that several commands share: the images, where to ask, and numbers that are checked as they are read."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from client.addresses import DEFAULT_URL
from client.http import CoroNetClient
from client.tokens import TOKEN_VARIABLE, find_token
from model_src.time_limits import PREDICT_PATIENCE


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """The images to ask about."""
    parser.add_argument(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE",
        help="chest X-ray: PNG, JPEG, WebP, TIFF or DICOM file; with -r also a folder",
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="of a folder, all images in it and below it")


def add_connection_arguments(parser: argparse.ArgumentParser, timeout: float = PREDICT_PATIENCE) -> None:
    """Where to ask, with which token, for how long; `timeout`: default seconds to wait for an answer."""
    connection = parser.add_argument_group("server")
    connection.add_argument("--url", default=DEFAULT_URL, help="its inference address (default: %(default)s)")
    add_token_arguments(connection)
    connection.add_argument(
        "--timeout",
        type=positive_seconds,
        default=timeout,
        metavar="SECONDS",
        help="wait this long for each response, queueing included (default: %(default)g)",
    )


def add_token_arguments(parser: argparse._ActionsContainer) -> None:
    """The token, or where it is."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="TorchServe's key_file.json, or a file with the inference token alone",
    )
    parser.add_argument(
        "--token",
        help=f"the inference token (visible to other users in the process list; {TOKEN_VARIABLE} is not). "
        "For a 'coronet serve' of your own none is needed",
    )


def connect(args: argparse.Namespace) -> CoroNetClient:
    """The client for the options of `add_connection_arguments`."""
    return CoroNetClient(args.url, find_token(args.url, args.token, args.token_file), args.timeout)


def positive_seconds(text: str) -> float:
    """A number of seconds above 0."""
    seconds = _number(text)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"found {text}, need a number of seconds above 0")
    return seconds


def seconds_or_none(text: str) -> float:
    """A number of seconds, 0 or more."""
    seconds = _number(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"found {text}, need a number of seconds, 0 or more")
    return seconds


def port_number(text: str) -> int:
    """A port that a server may listen on, from 1 to 65535."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"found {text!r}, need a port number from 1 to 65535")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, need a number of seconds") from None
