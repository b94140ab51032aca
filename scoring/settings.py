"""What changes the bytes of a part: how the model is run and asked, and the versions of what computes and writes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, field
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from model_src.classes import CLASS_NAMES, class_index
from model_src.errors import DataError, InvalidRequest

# Libraries that make answers or write them: another version may give other bytes.
_PACKAGES = (
    "coronet-serve",
    "torch",
    "openvino",
    "numpy",
    "pillow",
    "pydicom",
    "pylibjpeg",
    "pylibjpeg-openjpeg",
    "python-gdcm",
    "pyarrow",
)
_RULE = re.compile(r"(?P<label>[^<>=]+?)\s*(>=\s*(?P<least>[0-9.]+))?")


@dataclass(frozen=True)
class ExplainRule:
    """Which films are explained: those with one label, and at least one probability of it."""

    label: Annotated[int, Field(ge=0, lt=len(CLASS_NAMES))]
    least: Annotated[float, Field(ge=0, le=1)] = 0.0

    def takes(self, label: int, probability: float) -> bool:
        """Whether a film with this label and its probability is explained."""
        return label == self.label and probability >= self.least


@dataclass(frozen=True)
class Explain:
    """How, and which films; None: all that are answered."""

    method: str
    rule: ExplainRule | None = None


@dataclass(frozen=True)
class ScoreSettings:
    """How the model is run and asked."""

    engine: str
    precision: str
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(ge=1)] = 1  # of each worker
    batch: Annotated[int, Field(ge=1)] = 1  # films that a GPU classifies at once
    explain: Explain | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def digest(self, model: str) -> str:
        """SHA-256 of all that is here and of the model, which has the SHA-256 `model`."""
        text = json.dumps({"model": model, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: ScoreSettings) -> list[str]:
        """What `other` has otherwise, in words."""
        mine, theirs = _flat(asdict(self)), _flat(asdict(other))
        return [
            f"{name} {theirs.get(name, 'nothing')} where it was begun with {mine.get(name, 'nothing')}"
            for name in sorted(mine.keys() | theirs.keys())
            if mine.get(name) != theirs.get(name)
        ]


def versions_here() -> dict[str, str]:
    """The versions of this machine; a package that is not installed is left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def parse_rule(text: str) -> ExplainRule | None:
    """`all`, a class, or a class and its least probability: COVID-19>=0.5.

    Raises:
        DataError: it is none of these.
    """
    found = _RULE.fullmatch(text.strip())
    try:
        if not found:
            raise ValueError
        if text.strip().lower() == "all":
            return None
        least = float(found["least"] or 0)
        if not 0 <= least <= 1:
            raise ValueError
        return ExplainRule(class_index(found["label"]), least)
    except (ValueError, InvalidRequest):
        raise DataError(
            f"--explain-when: found {text!r}, need all, a class ({', '.join(CLASS_NAMES)}), "
            "or a class and its least probability, such as COVID-19>=0.5"
        ) from None


def _flat(facts: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in facts.items():
        key = name if prefix in ("", "versions.") else f"{prefix}{name}"
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {key: value}
    return found
