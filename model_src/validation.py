"""A pydantic refusal in our own words: what was found, and what the field's description says is needed."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError


def refusal(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first wrong field of `model`: "max_pixels: found 0, need a positive integer".

    A field's `description` is what it takes. Of a field that has none, pydantic's own words are used.
    """
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"found the setting {place!r}, need one of {', '.join(model.model_fields)}"
    field = model.model_fields.get(str(first["loc"][0])) if first["loc"] else None
    needed = field.description if field is not None and field.description else first["msg"]
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    return f"{place}: found {found}, need {needed}".replace("\n", " ")
