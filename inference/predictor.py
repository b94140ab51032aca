"""A loaded model that reads, predicts, explains and describes itself: X-rays in, `inference.results` out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from explanations import METHODS, Attribution, ExplainOptions, describe_methods, explain_batch, parse_options
from explanations.deadline import Deadline
from explanations.fast_model import record_steps
from explanations.time_limit import Pace, check_time, expected_seconds, measure_pace
from inference.batches import in_batches
from inference.results import Explanation, Prediction, XrayInfo
from model_src.artefacts import load_artefacts, load_calibration, load_certificate, load_check_images
from model_src.calibration.judge import Judge
from model_src.calibration.judgement import InScope
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from model_src.engines.choose import open_engine
from model_src.engines.fastest import Check, Tried, open_fastest
from model_src.engines.settings import EngineSettings
from model_src.errors import InternalError, RequestError
from model_src.freed_memory import return_freed_memory
from model_src.imaging.xray import Xray, read_xray
from model_src.model_names import PREDICT_MODEL

_WARM_UP_ROUNDS = 2  # TorchScript profiles a shape on the first call and compiles on the second
_TOGETHER = 8  # images explained at once
_PACKAGES = ("torch", "openvino", "captum", "pydicom", "pillow", "numpy")


class Predictor:
    """Artefacts on one device, ready to predict and explain.

    Every forward pass has the same batch size, short batches are filled up with zeros. Libraries choose an
    algorithm by batch size, and two algorithms differ in the last bits: with one size, a prediction is the same to
    the bit whatever else came with the request. On a GPU the size is `gpu_batch`, TorchServe's own: one forward
    for all predictions of a batch. On a CPU it is 1: a core is as fast with one image as with eight, and a lone
    request must not wait for padding.

    Explanations of one request's images are made together, and so differ in the last digits from those of each image
    alone; what comes with another request never plays a part.
    """

    def __init__(
        self,
        directory: str | Path,
        device: torch.device | str = "cpu",
        model_version: str = "1.0",
        gpu_batch: int = 8,
        engine: EngineSettings = EngineSettings(),  # noqa: B008 (frozen)
        explains: bool = True,
    ) -> None:
        """Load ARTEFACT_DIR `directory` onto `device`, open its engine, and run both until they are warm.

        Without `explains` the network is not made ready for explanations, which takes longer than all the rest.

        Raises:
            ArtefactError: a file is missing, damaged, or not the one that was exported; or the engine asked for
                cannot be had.
        """
        self.device = torch.device(device)
        self.model_version = model_version
        self.network, self.info = load_artefacts(directory, self.device)
        calibration = load_calibration(directory, self.info)
        self.judge = Judge(calibration) if calibration else None
        certificate = load_certificate(directory, self.info)
        self.certified = certificate.lines() if certificate else None
        self.batch = gpu_batch if self.device.type == "cuda" else 1
        images = load_check_images(directory, self.info)
        self.tried: tuple[Tried, ...] = ()
        if images is None or self.device.type != "cpu":
            self.engine = open_engine(self.network, self.info.image_size, self.device, engine)
        else:
            check = Check(images, self.info.sha256)
            self.engine, self.tried = open_fastest(self.network, self.info.image_size, engine, check)
        if explains and self.engine.name == "cuda":  # who asks for graphs gets them for explanations too
            record_steps(self.network)
        self._warm_up(explains)
        self.pace = measure_pace(self.network, self.info.image_size) if explains else Pace(0.0, 0.0, 0.0)
        return_freed_memory()

    def read(self, image: bytes) -> Xray:
        """Decode an image file at this model's size; raises the errors of `model_src.imaging.xray.read_xray`."""
        return read_xray(image, self.info.image_size)

    def predict(self, xrays: Sequence[Xray]) -> list[Prediction | RequestError]:
        """A prediction for each X-ray, in order; one that cannot be had is that X-ray's own error."""
        return in_batches(self._classify, xrays, self.batch)

    def options(self, fields: Mapping[str, object], seconds: float, images: int = 1) -> ExplainOptions:
        """Options of an explanation from request fields, if this machine can finish it.

        Args:
            fields: names and values as text or JSON has them; None counts as not given.
            seconds: for all images together.
            images: how many share that time.

        Raises:
            InvalidRequest: an unknown field, a value it does not take, or more work than fits into the time.
        """
        options = parse_options(fields)
        check_time(options, self.pace, seconds, images)
        return options

    def expected_seconds(self, options: ExplainOptions) -> float:
        """How long one image's explanation will take on this machine."""
        return expected_seconds(options, self.pace)

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
    ) -> list[Explanation | RequestError]:
        """An explanation of each X-ray with the same options, in order; or that X-ray's own error.

        Args:
            xrays: any number; their pixels are not used.
            options: of all of them.
            targets: the class index to explain in each, in place of the one in `options`; None: the predicted.
            deadline: when all maps must be done.

        Raises:
            InvalidRequest: the deadline has passed, and the method has no map to show for the time before it.
        """
        wanted = [options.target] * len(xrays) if targets is None else targets
        predictions = self.predict(xrays)
        predicted = [
            (xray, prediction, prediction.label if target is None else target)
            for xray, prediction, target in zip(xrays, predictions, wanted, strict=True)
            if isinstance(prediction, Prediction)
        ]

        def explain(part: Sequence[tuple[Xray, Prediction, int]], _: int) -> list[Explanation]:
            return self._explain(part, options, deadline)

        explanations = iter(in_batches(explain, predicted, self.together(options)))
        return [next(explanations) if isinstance(found, Prediction) else found for found in predictions]

    def describe(self) -> dict[str, Any]:
        """What this model is, in plain values: classes, sizes, digests, provenance, methods and options, versions."""
        info = asdict(self.info)
        return {
            "model": PREDICT_MODEL,
            "model_version": self.model_version,
            "notice": RESEARCH_USE,
            "warnings": list(self.info.warnings),
            "class_names": list(CLASS_NAMES),
            "image_size": info.pop("image_size"),
            "parameters": info.pop("parameters"),
            "sha256": info.pop("sha256"),
            "artefacts": info,
            "calibration": self.judge.describe() if self.judge else None,
            "certificate": self.certified,
            "methods": describe_methods(),
            "pace_seconds": {name: round(seconds, 4) for name, seconds in asdict(self.pace).items()},
            "device": str(self.device),
            "engine": {
                "name": self.engine.name,
                "precision": self.engine.precision,
                "batch": self.batch,
                "tried": [asdict(each) for each in self.tried],
            },
            "threads": torch.get_num_threads(),
            "versions": {name: _version(name) for name in _PACKAGES},
        }

    def _classify(self, xrays: Sequence[Xray], batch: int) -> list[Prediction | RequestError]:
        """One forward of at most `batch` X-rays, filled up to `batch`."""
        x = torch.zeros(batch, 1, self.info.image_size, self.info.image_size)
        x[: len(xrays)] = torch.stack([xray.tensor for xray in xrays])
        classified = self.engine.classify(x)
        probabilities = classified.probabilities[: len(xrays)].tolist()
        means = cast(Tensor, classified.residual_means)[: len(xrays)].tolist()
        scopes: list[InScope | None] = [None] * len(xrays)
        if self.judge:
            scopes = self.judge.scopes(x[: len(xrays)], cast(Tensor, classified.summary)[: len(xrays)])
        return [self._prediction(*found) for found in zip(xrays, probabilities, means, scopes, strict=True)]

    def _prediction(
        self, xray: Xray, probabilities: list[float], residual_means: list[float], in_scope: InScope | None
    ) -> Prediction | RequestError:
        if not all(map(math.isfinite, [*probabilities, *residual_means])):
            return InternalError("the model's answer for this image is not a number; check the artefacts it was given")
        label = max(range(len(probabilities)), key=probabilities.__getitem__)
        return Prediction(
            probabilities=tuple(probabilities),
            label=label,
            residual_means=(residual_means[0], residual_means[1]),
            xray=XrayInfo(xray.format, xray.width, xray.height, xray.warnings),
            model_version=self.model_version,
            warnings=self.info.warnings,
            digests=self.info.sha256,
            judgement=self.judge.judge(probabilities, label, in_scope) if self.judge else None,
        )

    def _explain(
        self, part: Sequence[tuple[Xray, Prediction, int]], options: ExplainOptions, deadline: Deadline | None
    ) -> list[Explanation]:
        """Explain X-rays towards one class each; what a step took corrects the pace that requests are measured by."""
        x = torch.stack([xray.tensor for xray, _, _ in part]).to(self.device)
        attributions = explain_batch(self.network, x, [target for _, _, target in part], options, deadline)
        if len(part) == 1 and attributions[0].step_seconds is not None:
            self.pace = self.pace.lowered(attributions[0].step_seconds)
        return [
            _explanation(prediction, options, found, self.certified)
            for (_, prediction, _), found in zip(part, attributions, strict=True)
        ]

    def _warm_up(self, explains: bool) -> None:
        """Run engine and, for explanations, network until both are compiled for the shapes that requests have."""
        size = self.info.image_size
        for _ in range(_WARM_UP_ROUNDS):
            self.engine.classify(torch.zeros(self.batch, 1, size, size))
            for images in sorted({1, self.batch} if explains else ()):
                x = torch.zeros(images, 1, size, size, device=self.device, requires_grad=True)
                self.network(x).sum().backward()


def _explanation(
    prediction: Prediction, options: ExplainOptions, found: Attribution, certified: Mapping[str, str] | None
) -> Explanation:
    line = (certified or {}).get(options.method)
    return Explanation(
        prediction=prediction,
        method=options.method,
        target=found.target,
        steps=found.steps,
        seed=options.seed,
        sign=found.sign,
        heatmap=found.heatmap,
        residuals=found.residuals,
        probability_before=found.original_probability,
        probability_after=found.perturbed_probability,
        deletion=found.deletion,
        insertion=found.insertion,
        details=found.details if line is None else {**found.details, "certificate": line},
        options=asdict(options.settings),
        warnings=found.warnings,
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # vendored without metadata
        return "unknown"
