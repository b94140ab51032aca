"""What a caller sent -> image bytes and explanation fields.

TorchServe hands the handler one dict per request, {parameter name: value}. What a value is depends on how the
request was sent: bytes for a raw body or a form part, a parsed object for `application/json`, text for `text/*`
and undecoded bytes when a declared JSON or text cannot be decoded. All of it ends here as `ImageRequest`, or as
an `InvalidRequest` that says what to send instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from explanations.settings import shown
from handlers.base64_text import decode_base64, is_base64_text, without_mark
from handlers.sent_as import SentAs
from model_src.errors import InvalidImage, InvalidRequest, RequestError
from outputs.multipart import MULTIPART, media_type
from outputs.registry import DICOM, format_names

_IMAGE_FIELDS = ("data", "body")
_SENT_PLAINLY = SentAs()


@contextmanager
def naming_instance(listed: bool, index: int) -> Iterator[None]:
    """Put `instances[index]` before the message of an error about one image of a list."""
    try:
        yield
    except RequestError as error:
        if not listed:
            raise
        raise type(error)(f"instances[{index}]: {error}") from error


@dataclass(frozen=True)
class ImageItem:
    """One image of a request: its file bytes and the explanation fields that apply to it."""

    image: bytes
    fields: Mapping[str, object]


@dataclass(frozen=True)
class ImageRequest:
    """One request. `listed`: it came as {"instances": [...]} and is answered as {"predictions": [...]}."""

    items: tuple[ImageItem, ...]
    listed: bool


def parse_row(
    row: Mapping[str, object], *, explain: bool, max_instances: int, sent: SentAs = _SENT_PLAINLY
) -> ImageRequest:
    """Parse one row of a TorchServe batch.

    Args:
        row: parameter name -> bytes, bytearray, str, dict, list, number or None.
        explain: whether explanation fields are taken.
        max_instances: most images that one request may hold.
        sent: the request's headers, as far as they are known.

    Raises:
        InvalidRequest: no image, two of them, an unknown field, or a body of another shape.
        InvalidImage: the image is empty or its base64 is broken.
        ImageTooLarge: a body that unpacks to more than is taken.
    """
    named = [name for name in _IMAGE_FIELDS if name in row]
    if not named and "instances" not in row:
        raise InvalidRequest(_no_image(row, sent))
    if len(named) > 1:
        raise InvalidRequest("found both 'data' and 'body', need one image per request (or a JSON 'instances' list)")
    sent.check_nothing_lost(row)
    fields = {name: _field_value(name, value) for name, value in row.items() if name not in named}
    if not named:
        return _parse_object(fields, explain, max_instances)
    body = _unwrap(without_mark(sent.unpacked(row[named[0]])))
    if sent.form and isinstance(body, bytes | bytearray) and is_base64_text(body):
        body = decode_base64(body.decode("latin-1"), form=True)
    if isinstance(body, Mapping):
        if clash := sorted(set(map(str, body)) & fields.keys()):
            raise InvalidRequest(f"{shown(clash[0])}: found both in the form and in its JSON part, need it once")
        return _parse_object({**fields, **body}, explain, max_instances)
    return _parse_object({**fields, "data": body}, explain, max_instances)


def wanted_media_type(table: Mapping[str, object], format: object = None, accept: str | None = None) -> str:
    """Which row of an output table (outputs/registry.py) a request wants; its first where nothing is said.

    Args:
        table: media type -> rendering.
        format: the request's field of that name: json, png, ...; None: not given.
        accept: the Accept header. It counts where it names one row and nothing else: what browsers and libraries send
            by themselves is no choice.

    Raises:
        InvalidRequest: `format` names no row.
    """
    names = format_names(table)
    if format is not None:
        chosen = format.strip().lower() if isinstance(format, str) else None
        if chosen not in names:
            raise InvalidRequest(f"format: found {shown(format)}, need one of {', '.join(names)}")
        return names[chosen]
    accepted = _named_type(accept or "")
    return accepted if accepted in table else next(iter(table))


def _named_type(accept: str) -> str:
    """The media type of an Accept header that names one; of several parts, as outputs/multipart.py spells it."""
    kind, *parameters = (part.strip() for part in accept.lower().split(";"))
    if kind != MULTIPART:
        return accept.strip().lower()
    named = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    return media_type(named.get("type", DICOM).strip('"'))


def _parse_object(body: Mapping[str, object], explain: bool, max_instances: int) -> ImageRequest:
    """`{"data": image, field: value ...}` or `{"instances": [{...}, ...], field: value ...}`."""
    if "instances" not in body:
        return ImageRequest((_parse_item(body, {}, explain),), listed=False)
    if "data" in body:
        raise InvalidRequest("found both 'data' and 'instances', need one of them")
    instances = body["instances"]
    if not isinstance(instances, list) or not instances:
        raise InvalidRequest(f"instances: found {shown(instances)}, need a list of objects with base64 text in 'data'")
    if len(instances) > max_instances:
        raise InvalidRequest(
            f"instances: found {len(instances)}, need at most {max_instances} per request; send several"
        )
    shared = {name: value for name, value in body.items() if name != "instances"}
    items = []
    for index, instance in enumerate(instances):
        if not isinstance(instance, Mapping):
            raise InvalidRequest(
                f"instances[{index}]: found {shown(instance)}, need an object with base64 text in 'data'"
            )
        with naming_instance(True, index):
            items.append(_parse_item(instance, shared, explain))
    return ImageRequest(tuple(items), listed=True)


def _parse_item(body: Mapping[str, object], shared: Mapping[str, object], explain: bool) -> ImageItem:
    if "data" not in body:
        raise InvalidRequest(f"data: not found, {_found(body)}, need the image as base64 text")
    fields = {**shared, **{name: value for name, value in body.items() if name != "data"}}
    if fields and not explain:
        raise InvalidRequest(
            f"{shown(min(fields))}: no field of a prediction, which takes 'data' (or 'instances') alone; "
            "explanation fields go to /explanations"
        )
    return ImageItem(_image_bytes(body["data"]), fields)


def _unwrap(value: object) -> object:
    """A JSON object that was sent with another content type -> dict; anything else as it is."""
    text = value.lstrip()[:1] if isinstance(value, bytes | bytearray | str) else b""
    if text not in (b"{", "{"):  # no image format begins with a brace
        return value
    try:
        return json.loads(value)  # type: ignore[arg-type]
    except (ValueError, RecursionError) as error:
        reason = shown(str(error).splitlines()[0])
        raise InvalidRequest(
            f"the body begins like JSON but is not ({reason}); send valid JSON or the image itself"
        ) from None


def _image_bytes(value: object) -> bytes:
    """File bytes from raw bytes, base64 text, or base64 text that came as bytes."""
    if isinstance(value, str):
        data = decode_base64(value)
    elif isinstance(value, bytes | bytearray):
        data = bytes(value)
        if is_base64_text(data):
            data = decode_base64(data.decode("latin-1"))
    else:
        if isinstance(value, list):
            raise InvalidRequest('found a JSON list, need an object: {"instances": [{"data": "<base64>"}, ...]}')
        raise InvalidRequest(f"data: found {shown(value)}, need the image's bytes, or base64 text in JSON")
    if not data:
        raise InvalidImage("data: found no bytes, need the whole image file")
    return data


def _field_value(name: str, value: object) -> Any:
    """Form fields arrive as bytes; JSON values pass."""
    if not isinstance(value, bytes | bytearray):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{shown(name)}: found bytes that are not UTF-8 text, need text") from None


def _found(names: Mapping[str, object]) -> str:
    """The names of what was sent instead."""
    return f"only {shown(', '.join(sorted(map(str, names))))}" if names else "nothing was sent"


def _no_image(row: Mapping[str, object], sent: SentAs) -> str:
    """Why a row holds no image, and what to send."""
    looks_like_form = any(name.lstrip().startswith("{") for name in row)
    if looks_like_form or sent.form:
        return (
            "found a web form (what curl -d sends by default), need the image: send JSON with the header "
            "'Content-Type: application/json', a file with curl -T FILE (not --data-binary), or a form with "
            "curl -F data=@FILE"
        )
    return f"data: not found, {_found(row)}, need the image as raw body, form field 'data' or JSON 'data'"
