"""The columns of a part: what each holds, and how a film becomes a row. The reference page is made from this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from inference.results import Explanation, Prediction
from model_src.calibration.prediction_sets import LEVELS
from model_src.classes import CLASS_NAMES
from scoring.scored_film import Error, ScoredFilm

HEATMAP_DIGITS = 4


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in the part.
        type: in the part; every column may be null.
        value: of a film.
        holds: what it is, for the reference page; units and range where there are any.
    """

    name: str
    type: pa.DataType
    value: Callable[[ScoredFilm], Any]
    holds: str


def column_name(class_name: str) -> str:
    """`COVID-19` -> `covid_19`."""
    return class_name.lower().replace("-", "_")


def _of_prediction(value: Callable[[Prediction], Any]) -> Callable[[ScoredFilm], Any]:
    return lambda film: value(film.prediction) if film.prediction else None


def _of_explanation(value: Callable[[Explanation], Any]) -> Callable[[ScoredFilm], Any]:
    return lambda film: value(film.explained) if film.explained else None


def _probability(index: int) -> Callable[[ScoredFilm], Any]:
    return _of_prediction(lambda answer: answer.probabilities[index])


def _set(level: int) -> Callable[[ScoredFilm], Any]:
    def value(answer: Prediction) -> list[str] | None:
        classes = answer.judgement.sets.get(str(level)) if answer.judgement else None
        return None if classes is None else [CLASS_NAMES[index] for index in classes]

    return _of_prediction(value)


def _scope(name: str) -> Callable[[ScoredFilm], Any]:
    def value(answer: Prediction) -> Any:
        scope = answer.judgement.in_scope if answer.judgement else None
        return None if scope is None else getattr(scope, name)

    return _of_prediction(value)


def _heatmap(found: Explanation) -> list[list[float]]:
    return [[round(float(value), HEATMAP_DIGITS) for value in row] for row in found.heatmap]


_TEXTS = pa.list_(pa.string())

COLUMNS: tuple[Column, ...] = (
    Column("row", pa.int64(), lambda film: film.row, "the film's number in the manifest, from 0"),
    Column("film", pa.string(), lambda film: film.film.address, "its address: a path, a URL, or TAR/MEMBER"),
    Column("bytes", pa.int64(), lambda film: film.size, "size of the file that was read; null: it could not be"),
    Column("sha256", pa.string(), lambda film: film.sha256, "of those bytes, hexadecimal"),
    Column("sop_instance_uid", pa.string(), lambda film: film.sop_instance_uid, "of a DICOM file"),
    Column("label", pa.string(), _of_prediction(lambda a: CLASS_NAMES[a.label]), "the most probable class"),
    *(
        Column(f"probability_{column_name(name)}", pa.float32(), _probability(index), f"of {name}, 0 to 1")
        for index, name in enumerate(CLASS_NAMES)
    ),
    Column(
        "residual_healthy",
        pa.float32(),
        _of_prediction(lambda a: a.residual_means[0]),
        "mean absolute residual of the autoencoder for Healthy, 0 to 1",
    ),
    Column(
        "residual_pneumonia",
        pa.float32(),
        _of_prediction(lambda a: a.residual_means[1]),
        "mean absolute residual of the autoencoder for Pneumonia, 0 to 1",
    ),
    *(
        Column(
            f"prediction_set_{level}",
            _TEXTS,
            _set(level),
            f"the classes that the answer leaves open at {level}%, the most probable first; null: not calibrated",
        )
        for level in LEVELS
    ),
    Column("in_scope", pa.bool_(), _scope("value"), "whether the model can be asked about such a film"),
    Column("scope_score", pa.float32(), _scope("score"), "how strange the film is; in scope up to 1"),
    Column("scope_reason", pa.string(), _scope("reason"), "the same in words"),
    Column("image_format", pa.string(), _of_prediction(lambda a: a.xray.format), "PNG, JPEG, WEBP, TIFF or DICOM"),
    Column("image_width", pa.int32(), _of_prediction(lambda a: a.xray.width), "pixels, upright"),
    Column("image_height", pa.int32(), _of_prediction(lambda a: a.xray.height), "pixels, upright"),
    Column("warnings", _TEXTS, _of_prediction(lambda a: list(a.xray.warnings)), "about the image, a sentence each"),
    Column("explanation_method", pa.string(), _of_explanation(lambda e: e.method), "null: not explained"),
    Column("explanation_target", pa.string(), _of_explanation(lambda e: CLASS_NAMES[e.target]), "the class"),
    Column(
        "heatmap",
        pa.list_(pa.list_(pa.float32())),
        _of_explanation(_heatmap),
        "rows of the map at the method's own grid, 0 to 1, 1 = matters most",
    ),
    Column("deletion", pa.float32(), _of_explanation(lambda e: e.deletion), "0 to 1, small is good"),
    Column("insertion", pa.float32(), _of_explanation(lambda e: e.insertion), "0 to 1, large is good"),
    Column(
        "explanation_error",
        pa.string(),
        lambda film: film.explanation.message if isinstance(film.explanation, Error) else None,
        "why there is no map though one was asked for",
    ),
    Column("error", pa.string(), lambda film: film.error.kind if film.error else None, "its kind; null: answered"),
    Column("error_message", pa.string(), lambda film: film.error.message if film.error else None, "in words"),
)
SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])
