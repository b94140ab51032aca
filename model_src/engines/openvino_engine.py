"""OpenVINO on a CPU: converts the TorchScript artefacts when they are loaded, with no file in between."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import torch
from torch import Tensor

from model_src.engines.compact import CompactCoroNet
from model_src.engines.mixed import mixed_copy
from model_src.engines.openvino_cache import keep, kept_path, read_kept
from model_src.errors import ArtefactError
from model_src.networks.coronet import Classified, CoroNet
from model_src.networks.plain_decoder import plain_copy

logger = logging.getLogger(__name__)

_TYPES = {"float32": "f32", "mixed": "f32", "bfloat16": "bf16", "float16": "f16"}
_NAMES = {"mixed": "bfloat16"}  # what a precision needs, by a name that a reader knows
_CAPABILITIES = {"float32": "FP32", "mixed": "BF16", "bfloat16": "BF16", "float16": "FP16"}


class OpenVINOEngine:
    """The network compiled for this machine's CPU; the batch may have any size, the image only the model's own."""

    name = "openvino"

    def __init__(self, request: Any, precision: str) -> None:
        self.precision = precision
        self._request = request  # openvino.InferRequest

    @staticmethod
    def supports(device: torch.device, precision: str) -> str | None:
        """Why not: OpenVINO is for CPUs here."""
        return None if device.type == "cpu" else "is for CPUs"

    @classmethod
    def open(
        cls, model: CoroNet, image_size: int, device: torch.device, precision: str, threads: int | None
    ) -> OpenVINOEngine:
        """Convert and compile `model` (on the CPU).

        Raises:
            ArtefactError: openvino is not installed, cannot convert these networks, or has no such precision here.
        """
        # Importing and converting would each send a report to Google Analytics and leave an id in ~/intel. Without
        # this module openvino takes a stub of its own.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino
        except ImportError:
            raise ArtefactError(
                "engine: openvino is not installed: install it (setup.cfg has the version) or set engine: torchscript"
            ) from None
        core = openvino.Core()
        capable = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if _CAPABILITIES[precision] not in capable:  # OpenVINO would take float32 and not say so
            raise ArtefactError(
                f"precision: this processor has no {_NAMES.get(precision, precision)} for openvino "
                f"(it has {', '.join(capable)}); set precision: float32"
            )
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": _TYPES[precision],
            "ENABLE_CPU_PINNING": False,  # several workers would pin themselves to the same cores
        }
        versions = [openvino.__version__, torch.__version__]
        path = kept_path(model, image_size, {"precision": precision, **settings}, versions)
        if path is not None and (blob := read_kept(path)) is not None:
            try:
                return cls(core.import_model(blob, "CPU", settings).create_infer_request(), precision)
            except RuntimeError as error:
                logger.warning("%s: cannot be used and is made again (%s)", path, type(error).__name__)
        chain = mixed_copy(model) if precision == "mixed" else plain_copy(model) or model
        if chain is None:
            raise ArtefactError("precision: mixed is for the kit's own networks; set precision: float32")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the converter traces, which PyTorch has deprecated
                converted = openvino.convert_model(
                    CompactCoroNet(chain.tfen, chain.cin).eval(),
                    example_input=torch.zeros(1, 1, image_size, image_size),
                    input=[openvino.PartialShape([-1, 1, image_size, image_size])],
                )
            compiled = core.compile_model(converted, "CPU", settings)
            if path is not None:
                keep(path, compiled.export_model().getvalue())
        except Exception as error:  # conversion, shapes, plugin: each has exceptions of its own
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ArtefactError(
                f"engine: openvino cannot run these artefacts ({reason}); export them again with this version, "
                "or set engine: torchscript"
            ) from error
        return cls(compiled.create_infer_request(), precision)

    def classify(self, x: Tensor) -> Classified:
        """Probabilities, mean residuals and summary of `x` (N, 1, S, S) float32 in [0, 1]."""
        self._request.infer([x.contiguous().numpy()], share_inputs=True)
        return Classified(*(torch.from_numpy(self._request.get_output_tensor(i).data.copy()) for i in range(3)))
