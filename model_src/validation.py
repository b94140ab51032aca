"""A pydantic refusal in our own words: what was found, and what the field's description says is needed."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


def refusal(error: ValidationError, model: type[Any]) -> str:
    """One line for the first wrong field of `model`: "max_pixels: found 0, need a positive integer".

    `model` is a pydantic model, or a dataclass of pydantic's.

    A field's `description` is what it takes. Of a field that has none, pydantic's own words are used.
    """
    fields = model.__pydantic_fields__
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"found the setting {place!r}, need one of {', '.join(fields)}"
    field = fields.get(str(first["loc"][0])) if first["loc"] else None
    needed = (
        field.description if field is not None and field.description else first["msg"].removeprefix("Input should be ")
    )
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    return f"{place}: found {found}, need {needed}".replace("\n", " ")
