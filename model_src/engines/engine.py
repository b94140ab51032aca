"""The protocol of engines: what a kind of engine says of itself, and what an opened one answers."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from model_src.networks.coronet import Classified, CoroNet


class Engine(Protocol):
    """A loaded model that classifies; one caller at a time."""

    @property
    def name(self) -> str:
        """As in `handler: engine:` of model-config.yaml."""

    @property
    def precision(self) -> str:
        """Of the arithmetic: float32, bfloat16 or float16. Answers are float32 in any case."""

    def classify(self, x: Tensor) -> Classified:
        """Answers, on the CPU, for `x` (N, 1, S, S) float32 in [0, 1] on the CPU, any N from 1, S the image size."""


class EngineType(Protocol):
    """What registry.py names: usually the class of the engine."""

    def supports(self, device: torch.device, precision: str) -> str | None:
        """Why this kind of engine is not made for that device and precision, in a few words; None where it is.

        Asked before anything is loaded. That a library is not installed, or that this processor lacks instructions,
        is for `open` to find.
        """

    def open(
        self, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> Engine:
        """The engine for `model`, ready to classify.

        Args:
            model: on `device`; of TorchScript artefacts or eager networks.
            image_size: S, the only size of image it will be given.
            device: one that `supports` allows.
            precision: float32, bfloat16 or float16.
            threads: of a CPU; None: as many as torch has in this process.

        Raises:
            ArtefactError: the engine cannot be had on this machine, or cannot run these networks.
        """
