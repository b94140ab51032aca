"""One line per evaluated image: per_image.csv, which comparisons and readers of their own start from."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError
from train.data.facts import UNKNOWN

CSV_NAME = "per_image.csv"
_PROBABILITY_COLUMNS = [f"p {name}" for name in CLASS_NAMES]
COLUMNS = [
    "path", "patient", "source", "truth", "predicted", *_PROBABILITY_COLUMNS,
    "residual healthy", "residual pneumonia", "sha256", "warnings",
]  # fmt: skip
_FACT_COLUMNS = ["view", "sex", "age"]  # reports of older versions have none


@dataclass(frozen=True)
class ImageResult:
    """One image's truth and prediction: a row of per_image.csv."""

    path: str  # relative to the data directory where the image lies inside it, with forward slashes
    patient: str
    source: str
    truth: int
    predicted: int
    probabilities: tuple[float, ...]  # order of CLASS_NAMES
    residual_healthy: float | None  # mean absolute residual of each autoencoder, None without autoencoders
    residual_pneumonia: float | None
    sha256: str  # first 16 digits of the file's digest: comparisons check that both saw the same file
    warnings: tuple[str, ...]
    view: str = UNKNOWN  # one of train.data.facts.VIEWS
    sex: str = UNKNOWN  # one of SEXES
    age: str = UNKNOWN  # one of AGE_BANDS

    @property
    def correct(self) -> bool:
        return self.predicted == self.truth


@dataclass(frozen=True)
class Predictions:
    """Truth and prediction of N images as arrays, which is what metrics take."""

    truth: np.ndarray  # int (N,)
    predicted: np.ndarray  # int (N,)
    probabilities: np.ndarray  # float64 (N, 3)
    patients: list[str]

    @classmethod
    def of(cls, results: Sequence[ImageResult]) -> Predictions:
        """The arrays of `results`."""
        return cls(
            np.array([r.truth for r in results]),
            np.array([r.predicted for r in results]),
            np.array([r.probabilities for r in results], dtype=np.float64),
            [r.patient for r in results],
        )


def write_results(results: Sequence[ImageResult], path: Path) -> None:
    """Write per_image.csv: one line per image, classes by name, numbers with 7 digits."""
    with (
        atomic_write(path) as temporary,
        # A file's name need not be UTF-8.
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow([*COLUMNS, *_FACT_COLUMNS])
        for r in results:
            writer.writerow(
                [r.path, r.patient, r.source, CLASS_NAMES[r.truth], CLASS_NAMES[r.predicted]]
                + [f"{p:.7g}" for p in r.probabilities]
                + ["" if v is None else f"{v:.7g}" for v in (r.residual_healthy, r.residual_pneumonia)]
                + [r.sha256, "; ".join(r.warnings), r.view, r.sex, r.age]
            )


def read_results(path: Path) -> list[ImageResult]:
    """Read a per_image.csv that `write_results` wrote.

    Raises:
        DataError: not such a file, or damaged; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); need the {CSV_NAME} of an evaluation") from error
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames not in (COLUMNS, [*COLUMNS, *_FACT_COLUMNS]):
        found = ", ".join(reader.fieldnames or ["nothing"])[:80]
        raise DataError(f"{path}: found columns {found}; need the {CSV_NAME} that coronet evaluate writes")
    results = []
    for row in reader:
        try:
            results.append(_parse_row(row))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: line {reader.line_num} is damaged ({error}); evaluate again") from error
    if not results:
        raise DataError(f"{path}: holds no image; evaluate again")
    return results


def _parse_row(row: dict[str, str]) -> ImageResult:
    probabilities = tuple(float(row[name]) for name in _PROBABILITY_COLUMNS)
    if not all(math.isfinite(p) and 0 <= p <= 1 for p in probabilities):
        raise ValueError("a probability is not in [0, 1]")
    healthy, pneumonia = row["residual healthy"], row["residual pneumonia"]
    return ImageResult(
        path=row["path"],
        patient=row["patient"],
        source=row["source"],
        truth=CLASS_NAMES.index(row["truth"]),
        predicted=CLASS_NAMES.index(row["predicted"]),
        probabilities=probabilities,
        residual_healthy=float(healthy) if healthy else None,
        residual_pneumonia=float(pneumonia) if pneumonia else None,
        sha256=row["sha256"],
        warnings=tuple(row["warnings"].split("; ")) if row["warnings"] else (),
        **{name: row.get(name) or UNKNOWN for name in _FACT_COLUMNS},
    )
