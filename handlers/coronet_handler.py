"""TorchServe's handler: rows and headers in, bodies and statuses out; everything else is in `handlers.service`.

TorchServe imports this file by its base name from the root of the archive and takes the one class defined in it,
so no other class may be defined here. It does not derive from TorchServe's BaseHandler, whose import changes the
precision of matrix products and which reads the explain flag of the first request for a whole batch.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
if (_HERE / "handlers").is_dir():
    # In the unpacked archive: an inherited PYTHONPATH comes first on sys.path, but a model runs its own code.
    sys.path.insert(0, str(_HERE))

from handlers.answer import Reply, json_reply  # noqa: E402
from handlers.core import CoroNetCore  # noqa: E402
from handlers.failures import is_device_lost  # noqa: E402
from handlers.limits import Limits  # noqa: E402
from handlers.process import configure_process, worker_device  # noqa: E402
from handlers.service import Call, answer_batch  # noqa: E402

logger = logging.getLogger(__name__)


class CoroNetHandler:
    """One worker's model. TorchServe calls `initialize` once, then `handle` for every batch."""

    def initialize(self, context: Any) -> None:
        """Load and warm the artefacts of the archive on this worker's device.

        Raises:
            ArtefactError: an artefact is missing, damaged, or not the one whose digest was recorded.
        """
        properties = context.system_properties
        config = context.model_yaml_config or {}
        self.limits = Limits.from_config(config.get("handler"))
        configure_process(workers=config.get("minWorkers", 1))
        version = context.manifest["model"]["modelVersion"]
        self.core = CoroNetCore(
            properties["model_dir"], worker_device(properties.get("gpu_id")), version, properties.get("batch_size") or 1
        )
        logger.info("coronet %s is ready on %s", version, self.core.device)

    def handle(self, data: Sequence[Mapping[str, object]], context: Any) -> list[bytes]:
        """One body per row, in order; status and content type go into the context, each at its row's index."""
        if len(data) == 1 and not data[0] and _header(context, 0, "describe") == "True":
            replies = [json_reply(self.core.describe())]
        else:
            replies = self._answer(data, context)
        for index, reply in enumerate(replies):
            context.set_response_status(reply.status, reply.phrase, index)
            context.set_response_content_type(index, reply.content_type)
        return [reply.body for reply in replies]

    def _answer(self, data: Sequence[Mapping[str, object]], context: Any) -> list[Reply]:
        calls = [
            Call(row, _header(context, index, "explain") == "True", _header(context, index, "content-type"))
            for index, row in enumerate(data)
        ]
        started = time.perf_counter()
        try:
            replies = answer_batch(self.core, self.limits, calls)
        except Exception as error:
            if is_device_lost(error):
                # The CUDA context stays broken for the life of the process, and TorchServe would keep the worker:
                # end it, so that the server starts a fresh one.
                logger.critical("the GPU failed and this worker ends", exc_info=True)
                logging.shutdown()
                os._exit(1)
            raise
        _measure(context, calls, replies, time.perf_counter() - started)
        return replies


def _header(context: Any, index: int, name: str) -> str | None:
    """A request header by name: as spelled, which is how TorchServe sets its own, else in any letter case.

    A form field's content type lies in the same dict, under the field's name, as a dict: that is no header.
    """
    headers = context.get_all_request_header(index)
    for key in (name, *headers):
        value = headers.get(key)
        if key.lower() == name and isinstance(value, str):
            return value
    return None


def _measure(context: Any, calls: Sequence[Call], replies: Sequence[Reply], seconds: float) -> None:
    """Counters and the batch's time in TorchServe's metrics, where there are any."""
    if context.metrics is None:
        return
    from ts.metrics.metric_type_enum import MetricTypes  # only a TorchServe worker has metrics to count in

    explanations = sum(call.explain for call in calls)
    counts = {
        "CoroNetPredictions": len(calls) - explanations,
        "CoroNetExplanations": explanations,
        "CoroNetErrors": sum(reply.status >= 400 for reply in replies),
    }
    for name, count in counts.items():
        context.metrics.add_counter(name, count, dimensions=[])  # it appends to the list it is given
    # Seconds: the histogram's buckets run from 0.005 to 10.
    context.metrics.add_time(
        "CoroNetBatchTime", round(seconds, 6), unit="s", dimensions=[], metric_type=MetricTypes.HISTOGRAM
    )
