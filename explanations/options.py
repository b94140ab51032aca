"""Request fields of an explanation -> options, checked; and the same options described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explanations.registry import DEFAULT_METHOD, METHODS
from explanations.settings import Settings, options_of, parse_settings, shown
from model_src.classes import CLASS_NAMES, class_index
from model_src.errors import InvalidRequest


@dataclass(frozen=True)
class ExplainOptions:
    """What a request asks for."""

    method: str  # a name in the registry
    target: int | None  # class index; None: the predicted class
    settings: Settings  # the method's own options

    @property
    def steps(self) -> int:
        """The method's budget of model evaluations."""
        return self.settings.steps

    @property
    def seed(self) -> int:
        """Start of the random numbers."""
        return self.settings.seed


def parse_options(fields: Mapping[str, object]) -> ExplainOptions:
    """Options from request fields: text (form) or JSON values; a field that is None counts as not given.

    Raises:
        InvalidRequest: an unknown field, or a value it does not take; the message names both.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    method = _method(given.pop("method", DEFAULT_METHOD))
    target = given.pop("target", None)
    if target is not None and (isinstance(target, bool) or not isinstance(target, int | str)):
        raise InvalidRequest(f"target: found {shown(target)}, need one of {', '.join(CLASS_NAMES)} or 0, 1, 2")
    index = None if target is None else class_index(target)
    return ExplainOptions(method, index, parse_settings(METHODS[method].settings, method, given))


def _method(value: object) -> str:
    name = value.strip().lower() if isinstance(value, str) else None
    if name not in METHODS:
        raise InvalidRequest(f"method: found {shown(value)}, need one of {', '.join(METHODS)}")
    return name


def describe_methods() -> dict[str, Any]:
    """Every method with its options, JSON-ready: default, what each takes, and one line of help."""
    return {
        method.name: {
            "summary": method.summary,
            "options": {
                name: {"default": default, "takes": option.takes, "help": option.help}
                for name, (option, default) in options_of(method.settings).items()
            },
        }
        for method in METHODS.values()
    }
