"""Options of the explanation methods: declared once, used to parse, refuse, describe and document them.

A method's options are the fields of a frozen dataclass that derives from `Settings`. Each field is made by
`integer`, `number` or `choice`, which hold its default, its range and one line of help; `parse_settings` turns
request fields (text from a form, or JSON values) into an instance and refuses everything else by name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model_src.errors import InvalidRequest

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Option:
    """What one field takes. `choices` is set for a choice, `low` and `high` for a number."""

    whole: bool
    low: float
    high: float
    choices: tuple[str, ...]
    unit: str
    help: str

    @property
    def takes(self) -> str:
        """The accepted values in words: "an integer from 1 to 1000"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        kind = "an integer" if self.whole else "a number"
        unit = f" ({self.unit})" if self.unit else ""
        low, high = (int(end) if float(end).is_integer() else end for end in (self.low, self.high))
        return f"{kind} from {low} to {high}{unit}"

    def parse(self, name: str, value: object) -> Any:
        """`value` (text or a JSON value) as int, float or choice.

        Raises:
            InvalidRequest: another type, or outside the range; the message names the field and what it takes.
        """
        if self.choices:
            text = value.strip().lower() if isinstance(value, str) else None
            if text in self.choices:
                return text
        elif (number := _number(value, self.whole)) is not None and self.low <= number <= self.high:
            return number
        raise InvalidRequest(f"{name}: found {shown(value)}, need {self.takes}")


def shown(value: object) -> str:
    """A short, ASCII, one-line form of anything a caller sent, for error messages."""
    try:
        text = ascii(value)
    except RecursionError:  # lists in lists in lists, which the JSON parser has just been able to read
        text = f"a {type(value).__name__} that is nested too deeply"
    return text if len(text) <= 40 else text[:37] + "..."


def _number(value: object, whole: bool) -> int | float | None:
    """A finite number out of text or a JSON value; None for anything else (true and false are not numbers)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        if whole and not isinstance(value, float):
            return int(value)
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or (whole and not number.is_integer()):
        return None
    return int(number) if whole else number


def integer(default: int, low: int, high: int, help: str, unit: str = "") -> Any:
    """A dataclass field holding a whole number in [low, high]."""
    return _field(default, Option(True, low, high, (), unit, help))


def number(default: float | None, low: float, high: float, help: str, unit: str = "") -> Any:
    """A dataclass field holding a finite number in [low, high]; a default of None means "not given"."""
    return _field(default, Option(False, low, high, (), unit, help))


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    """A dataclass field holding one of the given words."""
    return _field(default, Option(True, 0, 0, choices, "", help))


def _field(default: object, option: Option) -> Any:
    return dataclasses.field(default=default, metadata={"option": option})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Options that every method has. `steps` is the method's budget of model evaluations for the map itself."""

    steps: int
    seed: int = integer(
        0, -LARGEST_SEED, LARGEST_SEED, "start of every random number; the same seed gives the same answer"
    )
    score_steps: int = integer(
        12, 4, 64, "points of the deletion and insertion curves (2 x score_steps forward passes)"
    )


def options_of(settings: type[Settings]) -> dict[str, tuple[Option, Any]]:
    """Field name -> (option, default) of a method's settings, in order of declaration."""
    return {f.name: (f.metadata["option"], f.default) for f in dataclasses.fields(settings) if f.metadata}


def parse_settings(settings: type[Settings], method: str, fields: Mapping[str, object]) -> Settings:
    """Request fields -> settings; a field that is None counts as not given.

    Raises:
        InvalidRequest: a name the method does not have, or a value outside the field's range.
    """
    options = options_of(settings)
    values = {}
    for name, value in fields.items():
        if name not in options:
            raise InvalidRequest(f"{shown(name)}: no such field for {method}, need one of {', '.join(options)}")
        if value is not None:
            values[name] = options[name][0].parse(name, value)
    return settings(**values)
