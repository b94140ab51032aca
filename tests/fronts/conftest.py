"""Fixtures of this room."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch

from handlers.coronet_handler import CoroNetHandler
from tests.fixtures.hand_set_model import (  # noqa: F401 (fixtures)
    FakeContext,
    _temporary_directory,
    chest_png,
    hand_set_dir,
    make_png,
)


@pytest.fixture(scope="module")
def handler(hand_set_dir) -> Iterator[CoroNetHandler]:  # noqa: F811 (fixtures)
    """The archive's handler with the hand-set network; the process's settings are put back afterwards."""
    before = torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    show = warnings.showwarning
    loaded = CoroNetHandler()
    try:
        loaded.initialize(FakeContext(hand_set_dir))
        yield loaded
    finally:
        warnings.showwarning = show
        torch.set_num_threads(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before[1:]
