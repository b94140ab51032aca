"""A row of a part before it is one: a film with its answer, or with why there is none."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from inference.results import Explanation, Prediction
from model_src.errors import InternalError, RequestError
from model_src.private_log import error_location
from scoring.failures import FilmError
from scoring.film import Film

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Error:
    """Why a film has no answer."""

    kind: str
    message: str


@dataclass(frozen=True)
class ScoredFilm:
    """A row before it is one: a film with its answer or its error.

    Attributes:
        row: its number in the manifest, from 0.
        film: as in the manifest.
        size: bytes that were read; None where it could not be.
        sha256: of these bytes.
        sop_instance_uid: of a DICOM file.
        answer: the prediction, or why there is none.
        explanation: where one was asked for; or why there is none.
    """

    row: int
    film: Film
    size: int | None
    sha256: str | None
    sop_instance_uid: str | None
    answer: Prediction | Error
    explanation: Explanation | Error | None = None

    @property
    def prediction(self) -> Prediction | None:
        """The answer, if there is one."""
        return self.answer if isinstance(self.answer, Prediction) else None

    @property
    def error(self) -> Error | None:
        """The error, if there is no answer."""
        return self.answer if isinstance(self.answer, Error) else None

    @property
    def explained(self) -> Explanation | None:
        """The explanation, if there is one."""
        return self.explanation if isinstance(self.explanation, Explanation) else None


def error_of(error: RequestError | FilmError) -> Error:
    """An error that belongs to one film, for its row."""
    return Error(error.type if isinstance(error, RequestError) else error.kind, str(error))


def unforeseen(error: Exception) -> Error:
    """A defect of ours, for a row: it must not stop an archive. Its place is said; its message may quote the film."""
    logger.error("a film failed: %s", error_location(error))
    return Error(InternalError.__name__, f"the kit failed on this film ({error_location(error)}); please report it")
