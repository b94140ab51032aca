"""TorchServe's handler: rows and headers in, bodies and statuses out; everything else is in `handlers.service`.

TorchServe imports this file by its base name from the root of the archive and takes the one class defined in it,
so no other class may be defined here. It does not derive from TorchServe's BaseHandler, whose import changes the
precision of matrix products and which reads the explain flag of the first request for a whole batch.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
if (_HERE / "handlers").is_dir():
    # In the unpacked archive: an inherited PYTHONPATH comes first on sys.path, but a model runs its own code.
    sys.path.insert(0, str(_HERE))

from handlers.abandoned import abandoned_name  # noqa: E402
from handlers.measurements import Measurements  # noqa: E402
from handlers.metrics import publish  # noqa: E402
from handlers.pool_membership import PoolMembership  # noqa: E402
from handlers.process import configure_process, worker_device  # noqa: E402
from handlers.response import Response, error_response  # noqa: E402
from handlers.sent_as import SentAs  # noqa: E402
from handlers.service import Request, respond  # noqa: E402
from handlers.worker_settings import WorkerSettings  # noqa: E402
from inference.failures import is_device_lost  # noqa: E402
from inference.predictor import Predictor  # noqa: E402
from model_src.errors import InternalError, Overloaded, RequestError  # noqa: E402
from model_src.model_names import ABANDON_FIELD, REQUEST_HEADER  # noqa: E402
from model_src.private_log import error_location, shorten_warnings  # noqa: E402
from outputs.prediction_json import to_json  # noqa: E402

logger = logging.getLogger(__name__)


class CoroNetHandler:
    """One worker's model. TorchServe calls `initialize` once, then `handle` for every batch."""

    def initialize(self, context: Any) -> None:
        """Load and warm the artefacts of the archive on this worker's device.

        Raises:
            ArtefactError: an artefact is missing, damaged, or not the one whose digest was recorded; or a wrong
                setting in model-config.yaml.
        """
        properties = context.system_properties
        config = context.model_yaml_config or {}
        settings = WorkerSettings.from_config(config.get("handler"))
        self.limits = settings.limits
        shorten_warnings()
        self.membership = PoolMembership.join(context.model_name, config.get("minWorkers", 1))
        configure_process(self.membership.threads())
        version = context.manifest["model"]["modelVersion"]
        self.predictor = Predictor(
            properties["model_dir"],
            worker_device(properties.get("gpu_id")),
            version,
            properties.get("batch_size") or 1,
            settings.engine,
        )
        engine = self.predictor.engine
        logger.info("coronet %s is ready on %s: %s, %s", version, self.predictor.device, engine.name, engine.precision)

    def handle(self, data: Sequence[Mapping[str, object]], context: Any) -> list[bytes]:
        """One body per row, in order; status and content type go into the context, each at its row's index."""
        with self.membership.working() as wanted:
            if not wanted:
                stopping = Overloaded("the server is stopping: ask again in a minute")
                responses = [error_response(stopping) for _ in data]
                _count_errors(context, stopping, len(data))
            elif len(data) == 1 and not data[0] and _header(context, 0, "describe") == "True":
                responses = [Response(to_json(self.predictor.describe()))]
            else:
                names = [abandoned_name(row) for row in data]
                for name in filter(None, names):
                    self.membership.abandon(name)
                requests = [each for each, name in zip(self._decode(data, context), names, strict=True) if name is None]
                others = iter(self._respond(requests, context) if requests else [])
                responses = [Response(to_json({ABANDON_FIELD: name})) if name else next(others) for name in names]
        return _encode(responses, context)

    def _decode(self, data: Sequence[Mapping[str, object]], context: Any) -> list[Request]:
        """Rows and headers, as TorchServe hands them over -> requests."""
        return [
            Request(
                row,
                explain=_header(context, index, "explain") == "True",
                sent=_sent_as(context, index),
                accept=_header(context, index, "accept"),
                abandoned=partial(self.membership.abandoned, _header(context, index, REQUEST_HEADER.lower())),
            )
            for index, row in enumerate(data)
        ]

    def _respond(self, requests: Sequence[Request], context: Any) -> list[Response]:
        measured = Measurements()
        try:
            with measured.step("batch"):
                responses = respond(self.predictor, self.limits, requests, measured, self.membership.explaining)
        except Exception as error:
            if is_device_lost(error):
                # The CUDA context stays broken for the life of the process, and TorchServe would keep the worker:
                # end it, so that the server starts a fresh one.
                logger.critical("the GPU failed and this worker ends: %s", error_location(error))
                logging.shutdown()
                os._exit(1)
            # TorchServe logs the exception that it is left with, message and all.
            logger.error("a batch failed: %s", error_location(error))
            failed = InternalError("a batch failed; the line before says where")
            _count_errors(context, failed, len(requests))
            raise failed from None
        publish(context.metrics, measured, len(requests))
        return responses


def _encode(responses: Sequence[Response], context: Any) -> list[bytes]:
    """Responses -> bodies; everything else goes into TorchServe's context."""
    for index, response in enumerate(responses):
        context.set_response_status(response.status, response.phrase, index)
        context.set_response_content_type(index, response.content_type)
        for name, value in response.headers.items():
            context.set_response_header(index, name, value)
    return [response.body for response in responses]


def _count_errors(context: Any, error: RequestError, requests: int) -> None:
    """Publish that a whole batch ended with `error`."""
    publish(context.metrics, Measurements(errors=Counter({error.type: requests})), requests)


def _sent_as(context: Any, index: int) -> SentAs:
    """The headers of the row at `index` that say how its body was sent."""
    return SentAs(*(_header(context, index, f"content-{name}") for name in ("type", "encoding", "length")))


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
