"""What one request and one batch may ask of a worker; `handler:` in model-config.yaml changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from model_src.errors import ArtefactError


@dataclass(frozen=True)
class Limits:
    """Limits of one worker. Every one is a positive integer."""

    max_instances: int = 64  # images in one {"instances": [...]} request
    explain_seconds: int = 600  # longest explanation, by estimate; after it a batch starts no other
    max_answer_bytes: int = 33_000_000  # below config.properties' max_response_size, which ends the worker

    @classmethod
    def from_config(cls, settings: object) -> Limits:
        """From the `handler:` section of model-config.yaml; None or an empty section gives the defaults.

        Raises:
            ArtefactError: the section is no mapping, has an unknown name, or a value that is no positive integer.
        """
        section: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}
        names = [field.name for field in fields(cls)]
        if settings is not None and not isinstance(settings, Mapping):
            raise ArtefactError(f"model-config.yaml: handler is {settings!r}, need settings among {', '.join(names)}")
        for name, value in section.items():
            if name not in names:
                raise ArtefactError(f"model-config.yaml: handler has no setting {name!r}, only {', '.join(names)}")
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ArtefactError(f"model-config.yaml: handler: {name} is {value!r}, need a positive integer")
        return cls(**section)
