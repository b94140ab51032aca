"""A pydantic refusal in our own words: what was found, and what the field's description says is needed."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError


def refusal(error: ValidationError, model: type[Any]) -> str:
    """One line for the first wrong field of `model`: "max_pixels: found 0, need a positive integer".

    `model` is a pydantic model, or a dataclass of pydantic's. Fields may be models themselves, or lists of them.

    A field's `description` is what it takes. Of a field that has none, pydantic's own words are used, and those of a
    validator of ours, which name what was found themselves.
    """
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "value_error":
        return ": ".join(filter(None, [place, str(first["ctx"]["error"])])).replace("\n", " ")
    if first["type"] == "extra_forbidden":
        fields = _innermost(model, first["loc"]).__pydantic_fields__
        return f"found the setting {place!r}, need one of {', '.join(fields)}"
    field = _innermost(model, first["loc"]).__pydantic_fields__.get(_name(first["loc"]))
    needed = (
        field.description if field is not None and field.description else first["msg"].removeprefix("Input should be ")
    )
    found = "nothing" if first["type"] == "missing" else repr(first["input"])
    return f"{place}: found {found}, need {needed}".replace("\n", " ")


def _innermost(model: type[Any], place: tuple[int | str, ...]) -> type[Any]:
    """The model that has the last field of a place: ("targets", 0, "port") -> the model of a target."""
    names = [part for part in place if isinstance(part, str)]
    for name in names[:-1]:
        field = model.__pydantic_fields__.get(name)
        model = (_model_in(field.annotation) if field is not None else None) or model
    return model


def _model_in(annotation: Any) -> type[Any] | None:
    """The model in `Model`, `list[Model]` or `Model | None`."""
    if hasattr(annotation, "__pydantic_fields__"):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _name(place: tuple[int | str, ...]) -> str:
    """The last field of a place."""
    return next((part for part in reversed(place) if isinstance(part, str)), "")
