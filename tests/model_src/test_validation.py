"""What a refused pydantic model is told about: the field, what was found, what it takes."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
