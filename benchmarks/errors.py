"""A benchmark's bad input is one line, as a command's is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from model_src.errors import CoroNetError


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """End the program with the message of a CoroNetError, and exit status 1."""
    try:
        yield
    except CoroNetError as error:
        raise SystemExit(str(error)) from None
