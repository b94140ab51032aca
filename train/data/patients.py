"""One name for one patient, whatever directory a film lies in.

`nih:1280`, `00001280` and `1280` of source `nih` are one person. The rules, the first that fits:

1. A name with a prefix, `collection:id`, is that; an id of digits loses its leading zeros.
2. A name of eight digits is NIH ChestX-ray14's, as in its file names: `nih:` and the number.
3. A name that is only the film's path names no other film of the same person: it gets its directory before it.
4. Where the source is known, it is the prefix.
5. What is left is taken as it is: equal names in two directories are one person. That may leave a film too many out of
   training, and never one too few.
"""

from __future__ import annotations

import re
from dataclasses import replace

from train.data.examples import Example, names_its_file

_PREFIXED = re.compile(r"(?P<collection>[A-Za-z][\w.-]*):(?P<id>.+)")
_NIH = re.compile(r"\d{8}")


def patient_name(example: Example, directory: str) -> str:
    """The name of the example's patient that all directories have in common; `directory` tells its own from others."""
    patient = example.patient
    if match := _PREFIXED.fullmatch(patient):
        return f"{match['collection'].lower()}:{_number(match['id'])}"
    if _NIH.fullmatch(patient):
        return f"nih:{_number(patient)}"
    if names_its_file(example):
        return f"{directory}/{patient}"
    return f"{example.source.lower()}:{_number(patient)}" if example.source else patient


def renamed(examples: list[Example], directory: str) -> list[Example]:
    """The examples with their patients' common names."""
    return [replace(example, patient=patient_name(example, directory)) for example in examples]


def _number(text: str) -> str:
    return str(int(text)) if text.isdecimal() else text
