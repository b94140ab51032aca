"""What one request and one batch may ask of a worker; `handler:` in model-config.yaml changes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model_src.time_limits import EXPLANATION

_Positive = Annotated[int, Field(gt=0, description="a positive integer")]


class Limits(BaseModel):
    """Limits of one worker. pydantic.ValidationError for a value that is no positive integer, or an unknown name."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    max_instances: _Positive = 64  # images in one {"instances": [...]} request
    max_pixels: _Positive = 256_000_000  # of all images of one request together; one has at most 64,000,000
    explain_seconds: _Positive = EXPLANATION  # longest explanation, by estimate; after it a batch starts no other
    max_answer_bytes: _Positive = 33_000_000  # below config.properties' max_response_size, which ends the worker
