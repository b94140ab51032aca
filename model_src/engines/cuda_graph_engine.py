"""The engine for NVIDIA GPUs: both autoencoders in a few kernels of our own, all of it recorded once per batch size."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

from model_src.engines.pinned_graph import PinnedGraph
from model_src.errors import ArtefactError
from model_src.networks.coronet import Classified, CoroNet
from model_src.networks.eager_copy import eager_copy

BATCHES = (1, 2, 4, 8, 16, 32, 64)  # what is recorded, each when it is first needed
_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_LARGEST_MAP = 2**31  # elements: the kernels' offsets are 32 bits wide
_WIDEST = 32  # channels of a map of full size
Answer = Callable[[Tensor], Tensor]  # images (n, 1, S, S) on the CPU -> answers (n, A) there


class CudaGraphEngine:
    """float16 or bfloat16, with sums, residuals and answers in float32.

    A request is filled up to the next of BATCHES with what was there before, and a larger one is cut. An image's
    answer does not depend on its neighbours, but may differ in the last digits between batch sizes.
    """

    name = "cuda"

    def __init__(self, record: Callable[[int], Answer], image_size: int, precision: str) -> None:
        """An engine whose `record` makes what answers up to so many images."""
        self.precision = precision
        self._record = record
        self._batches = [batch for batch in BATCHES if batch * image_size**2 * _WIDEST < _LARGEST_MAP]
        self._recorded: dict[int, Answer] = {}
        self._lock = threading.Lock()  # the buffers are one caller's at a time

    @staticmethod
    def supports(device: torch.device, precision: str) -> str | None:
        """Why not: half precisions on a CUDA device alone."""
        if device.type != "cuda":
            return "is for NVIDIA GPUs"
        return None if precision in _TYPES else f"has no {precision}"

    @classmethod
    def open(
        cls, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> CudaGraphEngine:
        """Rebuild `model` from its weights and record batches of one.

        Raises:
            ArtefactError: the networks are not the kit's own, or this machine cannot compile the kernels or record
                them.
        """
        copy = eager_copy(model)
        if copy is None:
            raise ArtefactError("engine: cuda runs the kit's own networks, these artefacts hold others")
        try:
            from model_src.engines.fused_chain import FusedChain  # imports Triton, which only a GPU needs

            chain = FusedChain(copy, device, _TYPES[precision])
            engine = cls(lambda batch: PinnedGraph(chain, batch, image_size, device), image_size, precision)
            engine.classify(torch.zeros(1, 1, image_size, image_size))
        except Exception as error:  # no Triton, no C compiler for it, a driver without graphs: each its own exception
            reason = (str(error).strip().splitlines() or [""])[0][:200]
            raise ArtefactError(
                f"engine: cuda cannot run on {device} ({type(error).__name__}: {reason}); set engine: torchscript"
            ) from error
        return engine

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) float32 in [0, 1]."""
        with self._lock:
            answers = torch.cat([self._answer(part) for part in x.split(self._batches[-1])])
        return Classified(answers[:, :3], answers[:, 3:5], answers[:, 5:])

    def _answer(self, x: Tensor) -> Tensor:
        """Answers (N, A) for N images, at most as many as the largest batch."""
        batch = next(size for size in self._batches if size >= len(x))
        if batch not in self._recorded:
            self._recorded[batch] = self._record(batch)
        return self._recorded[batch](x)
