"""Work on many items in parts, and item by item where a part needs more memory than there is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from inference.failures import is_out_of_memory, out_of_memory
from model_src.errors import OutOfMemory

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_batches(
    run: Callable[[Sequence[Item], int], Sequence[Result]], items: Sequence[Item], size: int
) -> list[Result | OutOfMemory]:
    """The results of all items, in order, `size` at a time; OutOfMemory for an item that is too large by itself.

    Args:
        run: items, and the size of batch that they may be filled up to -> a result each.
        items: any number.
        size: at least 1.
    """
    results: list[Result | OutOfMemory] = []
    for start in range(0, len(items), size):
        part = items[start : start + size]
        try:
            results.extend(run(part, size))
            continue
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("out of memory with %d images at once: %s", len(part), type(error).__name__)
        # Out of the except block: the exception's traceback held the failed run's tensors.
        results.extend(_alone(run, item) for item in part)
    return results


def _alone(run: Callable[[Sequence[Item], int], Sequence[Result]], item: Item) -> Result | OutOfMemory:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        return run([item], 1)[0]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return out_of_memory()
