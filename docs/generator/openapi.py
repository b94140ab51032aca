"""docs/reference/openapi.yaml: the HTTP interface in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from docs.generator.examples import ERRORS, EXPLANATION, PREDICTION
from docs.generator.pages import OTHER_ERRORS, request_errors
from docs.generator.schemas import REQUEST_NAME, Schema, explain_request, reference, schemas
from handlers.limits import Limits
from model_src.classes import RESEARCH_USE
from model_src.imaging.decoding import MAX_PIXELS
from model_src.model_names import ABANDON_FIELD, EXPLAIN_MODEL, PREDICT_MODEL, REQUEST_HEADER
from outputs.registry import EXPLANATIONS, FILM_EXPLANATIONS, FILM_PREDICTIONS, PREDICTIONS

_NOTICE = "# Written by `python -m docs.generator` from the code. Change the code, not this file.\n"
_JSON = "application/json"
_RAW = "application/octet-stream"
_FORM = "multipart/form-data"


def openapi_page() -> str:
    """The file's text."""
    return _NOTICE + yaml.dump(document(), Dumper=_Plain, sort_keys=False, width=118, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Writes equal parts out instead of pointing from one to the other."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CoroNet Serve",
            "version": "1.0",
            "description": f"Chest X-rays in, one of three classes and explanations out. {RESEARCH_USE.capitalize()}.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "coronet serve on this machine"}],
        "security": [{"inferenceToken": []}],
        "paths": {
            f"/predictions/{PREDICT_MODEL}": {"post": _predict()},
            f"/explanations/{PREDICT_MODEL}": {
                "post": _explain("explain", "Answered while prediction workers are free, else sent on (307).")
            },
            f"/explanations/{EXPLAIN_MODEL}": {
                "post": _explain("explainByItsOwnWorkers", "Workers that do nothing but explain. Ask here first.")
            },
            f"/models/{PREDICT_MODEL}": {"servers": _MANAGEMENT, "get": _describe()},
            "/token": {"servers": _MANAGEMENT, "get": _renew()},
            "/metrics": {"servers": [{"url": "http://127.0.0.1:8082"}], "get": _metrics()},
        },
        "components": {"schemas": schemas(), "securitySchemes": _SECURITY},
    }


_MANAGEMENT = [
    {
        "url": "http://127.0.0.1:8081",
        "description": "Plain TorchServe. `coronet serve` has a unix socket, management.sock, beside its key file.",
    }
]

_SECURITY = {
    "inferenceToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "`inference.key` of TorchServe's key_file.json. It lasts a day; a restart makes a new one.",
    },
    "managementToken": {"type": "http", "scheme": "bearer", "description": "`management.key` of the same file."},
    "apiToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "`API.key` of the same file. It renews the others.",
    },
}


def _predict() -> dict[str, Any]:
    limits = Limits()
    one, several = reference("Prediction"), reference("Predictions")
    image: Schema = {
        "type": "object",
        "properties": {"data": _FILE},
        "required": ["data"],
        "additionalProperties": False,
    }
    found = _response(
        "one object for an image, a list for `instances`; `abandon` comes back as it was sent. "
        "DICOM, where the header Accept asks for it, is of DICOM films alone",
        {"anyOf": [one, several, reference("Abandon")]},
        PREDICTION,
    )
    found["content"].update(_others(PREDICTIONS, FILM_PREDICTIONS))
    return {
        "operationId": "predict",
        "summary": "Classify one X-ray, or several",
        "description": f"An image has at most {MAX_PIXELS:,} pixels. A list has at most {limits.max_instances} images "
        f"with {limits.max_pixels:,} pixels in all. The content types image/png, image/jpeg and so on are taken as "
        f"{_RAW}: the bytes decide. `{ABANDON_FIELD}` says that nobody waits any more for the explanation whose "
        f"{REQUEST_HEADER} had that name.",
        "requestBody": _body(
            image, {"anyOf": [reference("Image"), reference("Images"), reference("Abandon")]}, {"data": "<base64>"}
        ),
        "responses": {
            "200": found,
            **_errors(redirects=False),
        },
    }


def _explain(operation: str, summary: str) -> dict[str, Any]:
    answer = {"anyOf": [reference("Explanation"), reference("Explanations")]}
    description = (
        "an object or a list as JSON; with `format=png` the overlay; with `format=dicom`, of a DICOM film, all "
    )
    found = _response(f"{description}objects for its study, with `format=dicom-report` the report", answer, EXPLANATION)
    found["content"].update(_others(EXPLANATIONS, FILM_EXPLANATIONS))
    request = {"anyOf": [explain_request(), reference("ExplainImages")]}
    example = {"data": "<base64>", "method": "grad_cam", "target": "COVID-19"}
    return {
        "operationId": operation,
        "summary": "Show what a prediction rests on",
        "description": f"{summary} A raw body is explained by the default method with its default options. In a form "
        f"every field is text. An explanation of more than {Limits().explain_seconds} seconds is refused.",
        "parameters": [
            {
                "name": REQUEST_HEADER,
                "in": "header",
                "schema": REQUEST_NAME,
                "description": "a name of the caller's choice, by which it may abandon the explanation",
            }
        ],
        "requestBody": _body(explain_request(), request, example),
        "responses": {"200": found, **_errors(redirects=True)},
    }


def _others(*tables: Mapping[str, object]) -> dict[str, Any]:
    """The media types of output tables beside JSON, whose bodies are files."""
    types = [media_type for table in tables for media_type in table if media_type != _JSON]
    return {each: {"schema": {"type": "string", "contentMediaType": each}} for each in types}


_FILE: Schema = {"type": "string", "contentMediaType": _RAW, "description": "the image file"}


def _body(form: Schema, json: Schema, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            _RAW: {"schema": {}},
            _FORM: {"schema": form},
            _JSON: {"schema": json, "example": example},
        },
    }


def _response(description: str, schema: Schema, example: object) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema, "example": example}}}


def _errors(redirects: bool) -> dict[str, Any]:
    """A response for each status of an error, which names its types."""
    types: dict[int, list[str]] = {}
    for kind in request_errors():
        types.setdefault(kind.status, []).append(kind.__name__)
    for status, name, _ in OTHER_ERRORS:
        types.setdefault(status, []).append(name)
    if not redirects:
        del types[307]
    found = {}
    for status in sorted(types):
        response = _response(", ".join(types[status]), reference("Error"), ERRORS[status])
        if status == 307:
            response["headers"] = {"Location": {"schema": {"type": "string"}, "description": "where to ask instead"}}
        found[str(status)] = response
    return found


def _describe() -> dict[str, Any]:
    return {
        "operationId": "describeModel",
        "summary": "What the model is: classes, digests, training data, methods and their options",
        "security": [{"managementToken": []}],
        "parameters": [
            {"name": "customized", "in": "query", "required": True, "schema": {"type": "boolean", "const": True}}
        ],
        "responses": {
            "200": {
                "description": "TorchServe's list with one entry; our description is its `customizedMetadata`",
                "content": {_JSON: {"schema": {"type": "array", "items": {"type": "object"}}}},
            }
        },
    }


def _renew() -> dict[str, Any]:
    return {
        "operationId": "renewToken",
        "summary": "A new token; key_file.json then holds it",
        "security": [{"apiToken": []}],
        "parameters": [
            {
                "name": "type",
                "in": "query",
                "required": True,
                "schema": {"type": "string", "enum": ["inference", "management"]},
            }
        ],
        "responses": {"200": {"description": "done"}},
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "metrics",
        "summary": "Figures for Prometheus; metrics.md says what they mean",
        "security": [],
        "responses": {
            "200": {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    }
