"""One labelled X-ray, and the collection that it comes with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model_src.classes import CLASS_NAMES
from train.data.facts import UNKNOWN, Facts, age_band, sex_of, view_of

# File names of collections that are known to name the patient in them.
_PATIENT_IN_NAME = (
    re.compile(r"(?P<patient>\d{8})_\d{3}"),  # NIH: 00001389_001 is patient 00001389
    re.compile(r"(?P<patient>person\d+)_(virus|bacteria)_\d+"),  # Kermany: person12_virus_3 is child person12
    re.compile(r"(?P<patient>(NORMAL2-)?IM-\d{4})-\d{4}(-\d{4})?"),  # Kermany's healthy children: IM-0115-0001
)
# An ending says a format; the last number of a DICOM UID is none.
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")

NOT_COVID = len(CLASS_NAMES)  # a training film that is not COVID-19; which of the others it is, if any, is not said

SPLITS = ("train", "validation", "test")  # the order in which they are listed


@dataclass(frozen=True)
class Example:
    """One labelled image: `label` is 0 Healthy, 1 Pneumonia, 2 COVID-19 (in training also NOT_COVID).

    What a source does not say is empty.

    `age` is in years; `view` and `sex` as the source spells them: PA, AP, L, LL, lateral ...; F, male ...
    """

    path: Path
    label: int
    patient: str
    source: str
    age: float | None = None
    view: str = ""
    sex: str = ""

    @property
    def facts(self) -> Facts:
        """The groups that the film belongs to."""
        return Facts(self.source or UNKNOWN, view_of(self.view), sex_of(self.sex), age_band(self.age))


@dataclass(frozen=True)
class Collection:
    """Everything that a source found.

    Attributes:
        splits: "train", "validation", "test" -> examples; unchecked: classes may be empty and images missing.
        recognised: what the data was taken for, in a few words.
        left_out: why -> the files or rows that are no examples for that reason.
        advice: what to do where a class is missing.
        notes: what a reader should know of how it was read, one line each.
    """

    splits: dict[str, list[Example]]
    recognised: str
    left_out: Mapping[str, list[str]] = field(default_factory=dict)
    advice: str = ""
    notes: tuple[str, ...] = ()


def class_counts(examples: Iterable[Example]) -> dict[str, int]:
    """Number of examples per class name, in the network's order, zeros included."""
    counts = Counter(example.label for example in examples)
    return {name: counts[index] for index, name in enumerate(CLASS_NAMES)}


def source_counts(examples: Iterable[Example]) -> dict[str, dict[str, int]]:
    """Source (UNKNOWN where none is said) -> number of examples per class name, sources by name."""
    by_source: dict[str, list[Example]] = {}
    for example in examples:
        by_source.setdefault(example.facts.source, []).append(example)
    return {source: class_counts(by_source[source]) for source in sorted(by_source)}


def patient_in_name(path: str) -> str:
    """The patient whom the file's name gives in a collection known for it, else the whole path: one of its own."""
    stem = _ENDING.sub("", path)
    name = stem.rsplit("/", 1)[-1]
    for pattern in _PATIENT_IN_NAME:
        if match := pattern.fullmatch(name):
            return match["patient"]
    return stem


def names_its_file(example: Example) -> bool:
    """Whether the patient is only the name of the example's file: nobody knows who else's films there are of them."""
    path = example.path.as_posix()
    return any(stem.endswith(f"/{example.patient}") for stem in (path, _ENDING.sub("", path)))
