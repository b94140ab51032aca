"""The `handler:` section of model-config.yaml: limits and engine, by name, each checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from handlers.limits import Limits
from model_src.engines.settings import EngineSettings
from model_src.errors import ArtefactError
from model_src.validation import refusal

_LIMITS = tuple(Limits.model_fields)
_ENGINE = tuple(EngineSettings.__annotations__)


@dataclass(frozen=True)
class WorkerSettings:
    """What model-config.yaml may set for a worker."""

    limits: Limits
    engine: EngineSettings

    @classmethod
    def from_config(cls, section: object) -> WorkerSettings:
        """From the `handler:` section; None or an empty section gives the defaults.

        Raises:
            ArtefactError: the section is no mapping, has an unknown name, or a value that cannot be.
        """
        names = ", ".join([*_ENGINE, *_LIMITS])
        given = {} if section is None else section
        if not isinstance(given, Mapping):
            raise ArtefactError(f"model-config.yaml: handler: found {given!r}, need settings among {names}")
        if unknown := [name for name in given if name not in (*_ENGINE, *_LIMITS)]:
            raise ArtefactError(f"model-config.yaml: handler: found the setting {unknown[0]!r}, need one of {names}")
        try:
            return cls(
                Limits(**{name: given[name] for name in _LIMITS if name in given}),
                EngineSettings(**{name: given[name] for name in _ENGINE if name in given}),
            )
        except ValidationError as error:
            raise ArtefactError(f"model-config.yaml: handler: {refusal(error, Limits)}") from None
        except ArtefactError as error:
            raise ArtefactError(f"model-config.yaml: handler: {error}") from None
