"""Work in parts: in order, and item by item where a part is too large."""

from __future__ import annotations

import pytest

from inference.batches import in_batches
from model_src.errors import OutOfMemory


def test_parts_have_the_size_and_results_the_order():
    parts = []

    def run(part, size):
        parts.append((list(part), size))
        return [10 * item for item in part]

    assert in_batches(run, [1, 2, 3, 4, 5], 2) == [10, 20, 30, 40, 50]
    assert parts == [([1, 2], 2), ([3, 4], 2), ([5], 2)]


def test_a_part_out_of_memory_is_tried_one_by_one_and_not_filled_up():
    sizes = []

    def run(part, size):
        sizes.append(size)
        if size > 1 or part == [3]:
            raise MemoryError
        return list(part)

    first, second, third, fourth = in_batches(run, [1, 2, 3, 4], 4)
    assert (first, second, fourth) == (1, 2, 4)
    assert isinstance(third, OutOfMemory)
    assert sizes == [4, 1, 1, 1, 1]


def test_another_failure_is_not_taken_for_memory():
    def run(part, size):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        in_batches(run, [1], 1)
