"""The engine for NVIDIA GPUs: both autoencoders in a few kernels of our own, all of it recorded once per batch size."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from model_src.cuda_graph import CudaGraph
from model_src.engines.half_cin import HalfCIN
from model_src.errors import ArtefactError
from model_src.networks.coronet import Classified, CoroNet, summarise
from model_src.networks.eager_copy import eager_copy

logger = logging.getLogger(__name__)
BATCHES = (1, 2, 4, 8, 16, 32, 64)  # what is recorded, each when it is first needed
_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_LARGEST_MAP = 2**31  # elements: the kernels' offsets are 32 bits wide
_WIDEST = 32  # channels of a map of full size


class FusedTFEN(Protocol):
    """What draws the residuals: triton_tfen.TritonTFEN."""

    def __call__(self, x: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """See TritonTFEN."""


@dataclass(frozen=True)
class _Recorded:
    """One batch size: pages that do not move, what is done with them, and when the answers are there."""

    images: Tensor  # (N, 1, S, S) float32 in pinned memory
    shown: Tensor  # the same on the GPU
    graph: CudaGraph[Tensor]
    answers: Tensor  # (N, 645) float32 in pinned memory: probabilities, means, summary
    done: torch.cuda.Event


class CudaGraphEngine:
    """float16 or bfloat16, with sums, residuals and answers in float32.

    A request is filled up to the next of BATCHES with what was there before, and a larger one is cut. An image's
    answer does not depend on its neighbours, but may differ in the last digits between batch sizes.
    """

    name = "cuda"

    def __init__(self, tfen: FusedTFEN, cin: HalfCIN, image_size: int, device: torch.device, precision: str) -> None:
        self.precision = precision
        self._tfen, self._cin = tfen, cin
        self._size, self._device = image_size, device
        self._recorded: dict[int, _Recorded] = {}
        self._lock = threading.Lock()  # the buffers are one caller's at a time
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        largest = _LARGEST_MAP // (_WIDEST * image_size**2)
        self._batches = [batch for batch in BATCHES if batch <= largest]

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
            from model_src.engines.triton_tfen import TritonTFEN

            kind = _TYPES[precision]
            tfen, cin = TritonTFEN(copy.tfen, device, kind), HalfCIN(copy.cin, device, kind)  # type: ignore[arg-type]
            engine = cls(tfen, cin, image_size, device, precision)
            engine.classify(torch.zeros(1, 1, image_size, image_size))
        except Exception as error:  # no Triton, no C compiler for it, a driver without graphs: each its own exception
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ArtefactError(
                f"engine: cuda cannot run on {device} ({type(error).__name__}: {reason}); set engine: torchscript"
            ) from error
        return engine

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) float32 in [0, 1]."""
        with self._lock, torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            answers = torch.cat([self._run(part) for part in x.split(self._batches[-1])])
        return Classified(answers[:, :3], answers[:, 3:5], answers[:, 5:])

    def _run(self, x: Tensor) -> Tensor:
        """(N, 1, S, S), N at most the largest batch -> (N, 645)."""
        batch = next(size for size in self._batches if size >= len(x))
        if batch not in self._recorded:
            self._recorded[batch] = self._record(batch)
        recorded = self._recorded[batch]
        recorded.images[: len(x)].copy_(x)
        recorded.shown.copy_(recorded.images, non_blocking=True)
        recorded.answers.copy_(recorded.graph.replay(), non_blocking=True)
        recorded.done.record()
        recorded.done.synchronize()
        return recorded.answers[: len(x)].clone()

    def _record(self, batch: int) -> _Recorded:
        """Both networks for that many images, and pages to bring them and to fetch the answers."""
        images = torch.zeros(batch, 1, self._size, self._size, pin_memory=True)
        answers = torch.zeros(batch, 645, pin_memory=True)
        shown = torch.zeros_like(images, device=self._device)
        return _Recorded(
            images, shown, CudaGraph(lambda: self.forward(shown), self._device), answers, torch.cuda.Event()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Answers (N, 645) float32 of `x` (N, 1, S, S) on the device: probabilities, mean residuals, summary."""
        residuals, shown = self._tfen(x, self._cin.mean, self._cin.std)
        logits, features = self._cin(shown)
        means = residuals[:, :2].mean(dim=(2, 3))
        return torch.cat([logits.softmax(dim=1), means, summarise(residuals, features)], 1)
