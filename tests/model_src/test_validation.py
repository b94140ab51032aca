"""What a refused pydantic model is told about: the field, what was found, what it takes."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model_src.validation import refusal


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    size: int = Field(gt=0, description="a positive integer")
    name: str = "x"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": -1}, "size: found -1, need a positive integer"),
        ({"size": True}, "size: found True, need a positive integer"),
        ({}, "size: found nothing, need a positive integer"),
        ({"size": 1, "name": 3}, "name: found 3, need a valid string"),
        ({"size": 1, "seize": 2}, "found the setting 'seize', need one of size, name"),
    ],
)
def test_one_line_says_found_and_needed(given, says):
    with pytest.raises(ValidationError) as caught:
        Settings(**given)
    assert refusal(caught.value, Settings) == says


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    port: int = Field(lt=10, description="a port below 10")


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    parts: list[Part] = Field(description="a list of parts")
    other: Part | None = None

    @model_validator(mode="after")
    def _has_parts(self):
        if not self.parts:
            raise ValueError("found no parts, need one")
        return self


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"parts": 1}, "parts: found 1, need a list of parts"),
        ({"parts": [{"port": 3}, {"port": 99}]}, "parts.1.port: found 99, need a port below 10"),
        ({"parts": [{}]}, "parts.0.port: found nothing, need a port below 10"),
        ({"parts": [{"port": 3, "prt": 3}]}, "found the setting 'parts.0.prt', need one of port"),
        ({"parts": [{"port": 3}], "other": {"port": 10}}, "other.port: found 10, need a port below 10"),
        ({"parts": [], "prts": 1}, "found the setting 'prts', need one of parts, other"),
        ({"parts": []}, "found no parts, need one"),
    ],
)
def test_of_a_model_in_a_model_the_inner_field_is_named(given, says):
    with pytest.raises(ValidationError) as caught:
        Whole(**given)
    assert refusal(caught.value, Whole) == says
