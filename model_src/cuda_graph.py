"""Work of a fixed shape on a GPU, recorded once and then started as a whole: a launch costs a few microseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch

Result = TypeVar("Result")
_WARM_UP = 3  # libraries choose algorithms and take their memory, compilers compile, before anything is recorded


class CudaGraph(Generic[Result]):
    """`work()`, recorded on construction; `replay` does it again on what its tensors hold by then.

    `work` takes nothing, reads and writes tensors that stay where they are, and asks the GPU for no value. What it
    returned is written anew by each replay, in the same place.

    Recording takes a stream of its own and only forbids this thread what may not be recorded, so others go on.
    """

    def __init__(self, work: Callable[[], Result], device: torch.device) -> None:
        """Run `work` until it is warm, then record it.

        Raises:
            RuntimeError: it cannot be recorded, or does not fit into memory.
        """
        with torch.cuda.device(device):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UP):
                    work()
            torch.cuda.current_stream().wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                self.result = work()

    def replay(self) -> Result:
        """Start it on the current stream; returns at once, with the result's tensors."""
        self._graph.replay()
        return self.result
