"""What the page sends for a report: cases with their answers, maps and pictures, checked. Nobody's identity is in it.

A name is there where the reader has left it in: it is what the file is called on the reader's machine.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import Annotated, Any

from PIL import Image
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from model_src.errors import InvalidRequest
from model_src.imaging.decoding import one_line

_LARGEST_SIDE = 2048
_MOST_CASES, _MOST_MAPS = 200, 24


def _read_png(value: Any) -> bytes:
    """Base64 -> the bytes of a PNG that can be decoded; raises ValueError, which pydantic reports."""
    try:
        data = base64.b64decode(value, validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if max(image.size) > _LARGEST_SIDE:
                raise ValueError(f"found {image.width} x {image.height} pixels, need at most {_LARGEST_SIDE} a side")
            image.load()
    except (TypeError, binascii.Error, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("found no PNG picture in base64") from None
    return data


def _plain(value: Any) -> Any:
    """Text on one line, without letters that act on a screen or a printer."""
    return one_line(value, 10_000) if isinstance(value, str) else value


Png = Annotated[bytes, BeforeValidator(_read_png)]
Text = Annotated[str, Field(max_length=300), BeforeValidator(_plain)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Fields(BaseModel):
    """Of one JSON object; what a newer page sends beside them is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Film(_Fields):
    """The file that was asked about."""

    format: Text
    width: int
    height: int


class Verdict(_Fields):
    """The reader's."""

    verdict: Text
    amended: Text | None = None


class SuchAnswers(_Fields):
    """How many answers like this one there were among validation films, and how many of them were right."""

    answers: int
    right: int


class Scope(_Fields):
    """Whether the film is of the kind that the model knows."""

    value: bool
    reason: Text


class Map(_Fields):
    """One explanation."""

    method: Text
    target: Text | None = None
    sign: Text = ""
    probability_before: Share | None = None
    probability_after: Share | None = None
    deletion: Share | None = None
    insertion: Share | None = None
    overlay_png: Png
    residual_png: Png | None = None


class Case(_Fields):
    """One film with its answer; `such_answers`, `prediction_set` and `in_scope` as in a prediction's JSON."""

    number: int
    name: Text = ""
    label: Text
    probabilities: Annotated[dict[Text, Share], Field(min_length=1, max_length=20)]
    such_answers: SuchAnswers | None = None
    prediction_set: dict[Text, list[Text]] | None = None
    in_scope: Scope | None = None
    image: Film
    warnings: Annotated[list[Text], Field(max_length=50)] = []
    verdict: Verdict | None = None
    film_png: Png
    explanations: Annotated[list[Map], Field(max_length=_MOST_MAPS)] = []


class Model(_Fields):
    """Which model answered, as far as the page knows."""

    model: Text | None = None
    model_version: Text | None = None
    sha256: dict[Text, Text] | None = None


class Report(_Fields):
    """A report."""

    made: Annotated[Text, Field(max_length=40)]  # by the reader's clock
    model: Model = Model()
    cases: Annotated[list[Case], Field(min_length=1, max_length=_MOST_CASES)]


def read_report(body: bytes) -> Report:
    """The report in a JSON object.

    Raises:
        InvalidRequest: it is none, or a field has a wrong value; the message names the first such field.
    """
    try:
        return Report.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "report"
        raise InvalidRequest(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
