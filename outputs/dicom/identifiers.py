"""UIDs that follow from what an object is: the same film and question give the same ones, whoever makes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID, uuid5

from pydicom.dataset import Dataset

from inference.results import Explanation, Prediction
from model_src.classes import CLASS_NAMES

# Changes whenever the same answer is written in another way: a PACS keeps the first object that comes under a UID.
OBJECTS_VERSION = "1"

_NAMESPACE = UUID("6b7c1d0e-52f4-4c7a-9f0b-3a1d8e94c2d5")


def make_uid(*parts: str) -> str:
    """The UID of these parts: `2.25.` and a name-based UUID (RFC 9562, version 5) as a decimal number."""
    return f"2.25.{uuid5(_NAMESPACE, json.dumps(parts)).int}"


def model_digest(digests: Mapping[str, str]) -> str:
    """One SHA-256 of a model's files: what `sha256sum cin.pt tfen.pt | sha256sum` prints, files in order of name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return sha256(lines.encode()).hexdigest()


def prediction_key(prediction: Prediction, film: Dataset) -> tuple[str, ...]:
    """What tells a prediction from all others: the film, the model, and how objects are written."""
    model = model_digest(prediction.digests), prediction.model_version
    return (OBJECTS_VERSION, str(film.SOPInstanceUID), *model)


def explanation_key(explanation: Explanation, film: Dataset) -> tuple[str, ...]:
    """What tells an explanation from all others: its prediction, method, class and options.

    Steps are those that were taken: an explanation that was cut short by its time is another one.
    """
    asked = json.dumps({**explanation.options, "steps": explanation.steps}, sort_keys=True)
    target = CLASS_NAMES[explanation.target]
    return (*prediction_key(explanation.prediction, film), explanation.method, target, asked)
