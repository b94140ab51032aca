"""What `predict` and `explain` share: the connection's options, and going on after an image that failed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from client.http import DEFAULT_URL, CoroNetClient
from client.tokens import TOKEN_VARIABLE, find_token
from model_src.classes import RESEARCH_USE
from model_src.errors import RequestError
from model_src.time_limits import PREDICT_PATIENCE


def add_asking_arguments(parser: argparse.ArgumentParser, timeout: float = PREDICT_PATIENCE) -> None:
    """The images, and where to ask; `timeout`: default seconds to wait for an answer."""
    parser.add_argument(
        "images",
        nargs="+",
        type=Path,
        metavar="IMAGE",
        help="chest X-ray: PNG, JPEG, WebP, TIFF or DICOM file",
    )
    add_connection_arguments(parser, timeout)


def add_connection_arguments(parser: argparse.ArgumentParser, timeout: float = PREDICT_PATIENCE) -> None:
    """Where to ask, with which token, for how long."""
    connection = parser.add_argument_group("server")
    connection.add_argument("--url", default=DEFAULT_URL, help="its inference address (default: %(default)s)")
    connection.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="TorchServe's key_file.json, or a file with the inference token alone",
    )
    connection.add_argument(
        "--token",
        help=f"the inference token (visible to other users in the process list; {TOKEN_VARIABLE} is not). "
        "For a 'coronet serve' of your own none is needed",
    )
    connection.add_argument(
        "--timeout",
        type=float,
        default=timeout,
        metavar="SECONDS",
        help="wait this long for each answer, queueing included (default: %(default)g)",
    )


def connect(args: argparse.Namespace) -> CoroNetClient:
    """The client for the options of `add_connection_arguments`."""
    return CoroNetClient(args.url, find_token(args.url, args.token, args.token_file), args.timeout)


class Asking:
    """Asks about images one by one; a refused or unreadable one is reported on stderr and counted."""

    def __init__(self) -> None:
        self.failures = 0
        self._told: set[tuple[Path, str]] = set()

    def read(self, path: Path) -> bytes | None:
        """The file's bytes; None when it cannot be read."""
        try:
            return path.read_bytes()
        except IsADirectoryError:
            self._failed(path, f"is a directory, need image files: try {path}/*")
        except OSError as error:
            self._failed(path, f"cannot be read: {error.strerror}")
        return None

    def answer(self, path: Path, ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The server's answer about the file, None when it was refused; warnings go to stderr."""
        try:
            answer = ask()
        except RequestError as error:
            self._failed(path, f"{error} ({error.type})")
            return None
        for warning in answer.get("warnings", []):
            # Several explanations of an image carry the same warnings; the notice is said once, at the end.
            if warning != RESEARCH_USE and (path, warning) not in self._told:
                self._told.add((path, warning))
                print(f"coronet: {path}: {warning}", file=sys.stderr)
        return answer

    def _failed(self, path: Path, why: str) -> None:
        self.failures += 1
        print(f"coronet: {path}: {why}", file=sys.stderr)

    def finish(self) -> int:
        """Say what these answers are not for; the exit status."""
        print(f"coronet: {RESEARCH_USE}", file=sys.stderr)
        return 1 if self.failures else 0


def summary(answer: dict[str, Any]) -> str:
    """An answer in a few words: "COVID-19 0.880  (Pneumonia 0.100, Healthy 0.020)"."""
    probabilities = sorted(answer["probabilities"].items(), key=lambda item: -item[1])
    others = ", ".join(f"{name} {p:.3f}" for name, p in probabilities if name != answer["label"])
    return f"{answer['label']} {answer['probabilities'][answer['label']]:.3f}  ({others})"
