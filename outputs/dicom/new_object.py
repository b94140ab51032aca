"""What all objects have in common: whose they are, what made them and when, and how they become files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom import dcmwrite
from pydicom.dataset import Dataset

from inference.results import Prediction
from model_src.classes import RESEARCH_USE
from outputs.dicom.film import give_identity
from outputs.dicom.identifiers import OBJECTS_VERSION, make_uid, model_digest

DEVICE = "CoroNet Serve"
_FIRST_SERIES = 9101  # behind those of a modality


@dataclass(frozen=True)
class Origin:
    """Where an answer's objects come from: what every one of them is made with."""

    film: Dataset  # film.read_film
    reference: Dataset  # the film without_identity, which is what highdicom sees
    key: tuple[str, ...]  # of identifiers: tells the answer from all others
    prediction: Prediction
    made: datetime  # local time

    def identity(self, kind: str, number: int) -> dict[str, Any]:
        """The arguments that every constructor of highdicom takes; `kind` is the object's name, each in its series."""
        return {
            "series_instance_uid": make_uid("series", kind, *self.key),
            "series_number": _FIRST_SERIES + number,
            "series_description": f"{DEVICE} {kind}: {RESEARCH_USE}",
            "sop_instance_uid": make_uid("object", kind, *self.key),
            "instance_number": 1,
            "manufacturer": f"{DEVICE} ({RESEARCH_USE})",
            "manufacturer_model_name": DEVICE,
            "software_versions": f"model {self.prediction.model_version}, objects {OBJECTS_VERSION}",
            "device_serial_number": model_digest(self.prediction.digests),
        }


def to_file(made: Dataset, origin: Origin) -> bytes:
    """The file of an object: its patient and study are the film's, all its times those of its making.

    Raises:
        ValueError: a value that DICOM does not allow (a defect of ours).
    """
    give_identity(origin.film, made)
    if made.Modality != "SR":
        made.BodyPartExamined = "CHEST"  # the model knows nothing else, and DICOM wants a side of what has two
    made.SeriesDate, made.SeriesTime = origin.made.date(), origin.made.time()
    for element in made:
        if element.keyword in _DATES:
            element.value = origin.made.date()
        elif element.keyword in _TIMES:
            element.value = origin.made.time()
    made.pop("ContributingEquipmentSequence", None)
    stream = io.BytesIO()
    dcmwrite(stream, made, enforce_file_format=True)
    return stream.getvalue()


_MOMENTS = ("InstanceCreation", "Content", "PresentationCreation")
_DATES = {*(f"{moment}Date" for moment in _MOMENTS), "DateOfSecondaryCapture"}
_TIMES = {*(f"{moment}Time" for moment in _MOMENTS), "TimeOfSecondaryCapture"}
