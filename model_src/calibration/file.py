"""calibration.json: what a model's validation films say of its answers, beside the weights that it was made with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from model_src.beside_weights import WeightsFile
from model_src.calibration.prediction_sets import LEVELS
from model_src.calibration.reliability import Band, Count, Share
from model_src.calibration.scope import Scope
from model_src.classes import CLASS_NAMES

CALIBRATION_NAME = "calibration.json"
FORMAT_VERSION = 1

PerClass = Annotated[tuple[Share, ...], Field(min_length=len(CLASS_NAMES), max_length=len(CLASS_NAMES))]


@dataclass(frozen=True)
class Calibration:
    """What `calibration.json` holds; everything comes from validation films, none of them in training.

    Attributes:
        weights: file name -> SHA-256 of the run's weights that gave the answers.
        films: class name -> validation films.
        patients: of all of them.
        lowest_probability: level in percent, as text -> from which probability on each class is in the set; 0 where
            there were too few films for that level.
        reliability: class name -> bands of answers of that class.
        scope: what is in scope; None where there were too few films to say.
    """

    weights: dict[str, str]
    films: dict[str, Count]
    patients: Count
    lowest_probability: dict[str, PerClass]
    reliability: dict[str, tuple[Band, ...]]
    scope: Scope | None = None
    format_version: int = FORMAT_VERSION

    @model_validator(mode="after")
    def _of_these_classes(self) -> Calibration:
        if set(self.films) != set(CLASS_NAMES) or set(self.reliability) != set(CLASS_NAMES):
            raise ValueError(f"not of the classes {', '.join(CLASS_NAMES)}")
        if set(self.lowest_probability) != set(map(str, LEVELS)):
            raise ValueError(f"not of the levels {', '.join(map(str, LEVELS))}")
        if not all(self.reliability.values()):
            raise ValueError("a class has no band of answers")
        return self

    def always_in_set(self) -> dict[str, list[str]]:
        """Level -> classes that every set of it holds, for want of validation films."""
        found = {
            level: [name for name, lowest in zip(CLASS_NAMES, least, strict=True) if lowest == 0]
            for level, least in self.lowest_probability.items()
        }
        return {level: names for level, names in found.items() if names}


CALIBRATION_FILE = WeightsFile(
    CALIBRATION_NAME, Calibration, FORMAT_VERSION, "make it again with: coronet calibrate RUN_DIR DATA_DIR"
)
