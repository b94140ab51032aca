"""The serving core: a loaded chain that predicts, explains and describes itself. It knows no TorchServe."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from explanations import METHODS, Attribution, ExplainOptions, describe_methods, explain_batch
from explanations.deadline import Deadline
from explanations.time_limit import measure_pace
from inference.failures import is_out_of_memory, out_of_memory
from model_src.artefacts import load_artefacts
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from model_src.engines.choose import open_engine
from model_src.engines.settings import EngineSettings
from model_src.errors import InternalError, RequestError
from model_src.imaging.xray import Xray, read_xray
from outputs.answer import MODEL_NAME, Prediction, explanation_answer, prediction_answer
from outputs.pictures import heatmap_png, overlay_png, residuals_png

logger = logging.getLogger(__name__)
T = TypeVar("T")

_WARM_UP_ROUNDS = 2  # TorchScript profiles a shape on the first call and compiles on the second
_TOGETHER = 8  # images explained at once
_PACKAGES = ("torch", "openvino", "captum", "pydicom", "pillow", "numpy")


class CoroNetCore:
    """Artefacts on one device, ready to answer.

    Every forward pass has the same batch size, short batches are filled up with zeros. Libraries choose an
    algorithm by batch size, and two algorithms differ in the last bits: with one size, an answer is the same to
    the bit whatever else came with the request. On a GPU the size is `gpu_batch`, TorchServe's own: one forward
    for all predictions of a batch. On a CPU it is 1: a core is as fast with one image as with eight
    (docs/performance.md), and a lone request must not wait for padding.

    Explanations of one request's images are made together, whose answers so differ from those alone in the last
    digits; what comes with another request never plays a part.
    """

    def __init__(
        self,
        directory: str | Path,
        device: torch.device | str = "cpu",
        model_version: str = "1.0",
        gpu_batch: int = 8,
        engine: EngineSettings = EngineSettings(),  # noqa: B008 (frozen)
    ) -> None:
        """Load ARTEFACT_DIR `directory` onto `device`, open its engine, and run both until they are warm.

        Raises:
            ArtefactError: a file is missing, damaged, or not the one that was exported; or the engine asked for
                cannot be had.
        """
        self.device = torch.device(device)
        self.model_version = model_version
        self.coronet, self.info = load_artefacts(directory, self.device)
        self.batch = gpu_batch if self.device.type == "cuda" else 1
        self.engine = open_engine(self.coronet, self.info.image_size, self.device, engine)
        self._warm_up()
        self.pace = measure_pace(self.coronet, self.info.image_size)

    def read(self, image: bytes) -> Xray:
        """Decode an image file at this model's size; raises the errors of `model_src.imaging.xray.read_xray`."""
        return read_xray(image, self.info.image_size)

    def predict(self, xrays: Sequence[Xray]) -> list[dict[str, Any] | RequestError]:
        """Answers for a list of images, in order; an image that cannot be answered gets its own error."""
        return [
            found
            if isinstance(found, RequestError)
            else prediction_answer(found, xray, self.model_version, self.info.warnings)
            for xray, found in zip(xrays, self._classify(xrays), strict=True)
        ]

    def together(self, options: ExplainOptions) -> int:
        """How many images of one request are explained at once.

        A step on eight masks takes a CPU half as long per image as eight steps on one, and 600 MB more; other methods
        gain nothing there. Larger images leave room for fewer.
        """
        if self.device.type == "cuda":
            return _TOGETHER
        if not METHODS[options.method].work(options.settings).mask_steps:
            return self.batch
        return max(1, min(_TOGETHER, _TOGETHER * 224**2 // self.info.image_size**2))

    def explain(
        self,
        xrays: Sequence[Xray],
        options: ExplainOptions,
        targets: Sequence[int | None] | None = None,
        deadline: Deadline | None = None,
    ) -> list[dict[str, Any] | bytes | RequestError]:
        """Explanations of a list of images with the same options, in order: a JSON object, or the overlay's PNG.

        Args:
            targets: the class index to explain in each image, in place of the one in `options`; None: the predicted.
            deadline: when all maps must be done.

        Raises:
            InvalidRequest: the deadline has passed, and the method has no map to show for the time before it.
        """
        wanted = [options.target] * len(xrays) if targets is None else targets
        predictions = self._classify(xrays)
        classified = [
            (xray, prediction.label if target is None else target)
            for xray, prediction, target in zip(xrays, predictions, wanted, strict=True)
            if isinstance(prediction, Prediction)
        ]

        def attribute(part: Sequence[tuple[Xray, int]], _: int) -> list[Attribution]:
            return self._attribute(part, options, deadline)

        attributions = iter(self._in_batches(attribute, classified, self.together(options)))
        answers: list[dict[str, Any] | bytes | RequestError] = []
        for xray, prediction in zip(xrays, predictions, strict=True):
            found = next(attributions) if isinstance(prediction, Prediction) else prediction
            if isinstance(prediction, RequestError) or isinstance(found, RequestError):
                answers.append(found)
            else:
                answers.append(self._explanation(xray, prediction, found, options))
        return answers

    def describe(self) -> dict[str, Any]:
        """What this model is: classes, sizes, digests, provenance, methods and their options, versions."""
        info = asdict(self.info)
        return {
            "model": MODEL_NAME,
            "model_version": self.model_version,
            "notice": RESEARCH_USE,
            "warnings": list(self.info.warnings),
            "class_names": list(CLASS_NAMES),
            "image_size": info.pop("image_size"),
            "parameters": info.pop("parameters"),
            "sha256": info.pop("sha256"),
            "artefacts": info,
            "methods": describe_methods(),
            "pace_seconds": {name: round(seconds, 4) for name, seconds in asdict(self.pace).items()},
            "device": str(self.device),
            "engine": {"name": self.engine.name, "precision": self.engine.precision, "batch": self.batch},
            "threads": torch.get_num_threads(),
            "versions": {name: _version(name) for name in _PACKAGES},
        }

    def _classify(self, xrays: Sequence[Xray]) -> list[Prediction | RequestError]:
        return self._in_batches(self._forward, xrays, self.batch)

    def _forward(self, xrays: Sequence[Xray], batch: int) -> list[Prediction | RequestError]:
        """One forward of at most `batch` images, filled up to `batch`."""
        x = torch.zeros(batch, 1, self.info.image_size, self.info.image_size)
        x[: len(xrays)] = torch.stack([xray.tensor for xray in xrays])
        classified = self.engine.classify(x)
        probabilities = classified.probabilities[: len(xrays)].tolist()
        residuals = cast(Tensor, classified.residual_means)[: len(xrays)].tolist()
        return [
            Prediction(tuple(p), (r[0], r[1])) if all(map(math.isfinite, [*p, *r])) else _not_a_number()
            for p, r in zip(probabilities, residuals, strict=True)
        ]

    def _attribute(
        self, part: Sequence[tuple[Xray, int]], options: ExplainOptions, deadline: Deadline | None
    ) -> list[Attribution]:
        """Explain images towards one class each; what a step took corrects the pace that requests are judged by."""
        x = torch.stack([xray.tensor for xray, _ in part]).to(self.device)
        found = explain_batch(self.coronet, x, [target for _, target in part], options, deadline)
        if len(part) == 1 and found[0].step_seconds is not None:
            self.pace = self.pace.lowered(found[0].step_seconds)
        return found

    def _explanation(
        self, xray: Xray, prediction: Prediction, attribution: Attribution, options: ExplainOptions
    ) -> dict[str, Any] | bytes:
        overlay = overlay_png(attribution.heatmap, xray.pixels, attribution.sign)
        if options.format == "png":
            return overlay
        pictures = {
            "heatmap_png": heatmap_png(attribution.heatmap, xray.pixels),
            "overlay_png": overlay,
            "residual_png": residuals_png(attribution.residuals),
        }
        return explanation_answer(
            prediction, attribution, options, pictures, xray, self.model_version, self.info.warnings
        )

    def _in_batches(self, run: Callable[[Sequence[T], int], Sequence[Any]], items: Sequence[T], size: int) -> list[Any]:
        """`run(part, size)` on all items, `size` at a time; a part that fails for memory, again one by one."""
        results: list[Any] = []
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

    def _warm_up(self) -> None:
        """Run engine and chain until both are compiled for the shapes that requests have."""
        size = self.info.image_size
        for _ in range(_WARM_UP_ROUNDS):
            self.engine.classify(torch.zeros(self.batch, 1, size, size))
            for images in sorted({1, self.batch}):
                x = torch.zeros(images, 1, size, size, device=self.device, requires_grad=True)
                self.coronet(x).sum().backward()


def _alone(run: Callable[[Sequence[T], int], Sequence[Any]], item: T) -> Any:
    """`run` on one item, or the error that says it is too large by itself."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        return run([item], 1)[0]
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return out_of_memory()


def _not_a_number() -> InternalError:
    return InternalError("the model's answer for this image is not a number; check the artefacts it was given")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # vendored without metadata
        return "unknown"
