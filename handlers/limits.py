"""What one request and one batch may ask of a worker; `handler:` in model-config.yaml changes them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from model_src.errors import ArtefactError


@dataclass(frozen=True)
class Limits:
    """Limits of one worker. Every one is a positive integer; ArtefactError for anything else."""

    max_instances: int = 64  # images in one {"instances": [...]} request
    max_pixels: int = 256_000_000  # of all images of one request together; one has at most 64,000,000
    explain_seconds: int = 600  # longest explanation, by estimate; after it a batch starts no other
    max_answer_bytes: int = 33_000_000  # below config.properties' max_response_size, which ends the worker

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ArtefactError(f"{name}: found {value!r}, need a positive integer")
