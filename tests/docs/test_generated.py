"""The generated reference says what the code does: pages are fresh, and openapi.yaml holds for real responses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from docs.generator.__main__ import PAGES, REFERENCE, stale_pages
from docs.generator.examples import PREDICTION
from docs.generator.schemas import options_name
from explanations import DEFAULT_METHOD, METHODS, parse_options
from explanations.settings import options_of
from handlers.abandoned import abandoned_name
from handlers.limits import Limits
from model_src.errors import InvalidRequest
from model_src.imaging.decoding import MAX_PIXELS
from model_src.model_names import ABANDON_FIELD

OPENAPI = yaml.safe_load((REFERENCE / "openapi.yaml").read_text(encoding="utf-8"))
RECORD = Path(__file__).parents[1] / "handlers" / "golden" / "responses.json"
JSON = "application/json"


def valid(value: Any, schema: dict[str, Any]) -> bool:
    """Whether `value` is as a schema of openapi.yaml wants it, pointers into its components included."""
    return Draft202012Validator({**schema, "components": OPENAPI["components"]}).is_valid(value)


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in OPENAPI["paths"].items()
        for method, operation in item.items()
        if method != "servers"
    ]


def test_every_page_is_as_the_code_says():
    assert not list(stale_pages()), "run: python -m docs.generator"
    assert {path.name for path in REFERENCE.iterdir()} >= set(PAGES)


def test_openapi_is_valid():
    validate(OPENAPI)


def test_every_example_is_as_its_schema_says():
    checked = 0
    for name, operation in operations():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (body["content"][JSON] for body in bodies if JSON in body.get("content", {})):
            if "example" in content:
                assert valid(content["example"], content["schema"]), f"{name}: {content['example']}"
                checked += 1
    assert checked >= 3 * 8  # three operations, each with a request, a response and the errors


def recorded_json() -> list[Any]:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["responses"]
    found = [
        pytest.param("predict" if "prediction" in name else "explain", each["status"][0], each["body"], id=name)
        for name, each in recorded.items()
        if each["type"] == JSON
    ]
    assert len(found) > 20
    return found


@pytest.mark.parametrize(("operation", "status", "body"), recorded_json())
def test_every_response_on_record_is_as_the_schema_says(operation, status, body):
    (described,) = [found for _, found in operations() if found["operationId"] == operation]
    assert valid(json.loads(body), described["responses"][str(status)]["content"][JSON]["schema"])


def test_a_response_of_another_shape_is_told():
    prediction = {"$ref": "#/components/schemas/Prediction"}
    assert valid(PREDICTION, prediction)
    for wrong in ({"label": "Measles"}, {"label": None}, {"extra": 1}):
        assert not valid({**PREDICTION, **wrong}, prediction)
    assert not valid({name: value for name, value in PREDICTION.items() if name != "label"}, prediction)


@pytest.mark.parametrize("method", METHODS)
def test_the_ends_of_every_range_are_taken_and_what_lies_beyond_is_refused(method):
    schema = {"$ref": f"#/components/schemas/{options_name(method)}"}

    def taken(**fields: Any) -> tuple[bool, bool]:
        """By the schema, by the code."""
        try:
            parse_options({"method": method, **fields})
        except InvalidRequest:
            return valid({"data": "", "method": method, **fields}, schema), False
        return valid({"data": "", "method": method, **fields}, schema), True

    for name, (option, default) in options_of(METHODS[method].settings).items():
        inside: list[Any] = list(option.choices) or [option.low, option.high]
        outside: list[Any] = ["none of these"] if option.choices else [option.low - 1, option.high + 1, "many"]
        for value in [*inside, *([] if default is None else [default])]:
            assert taken(**{name: value}) == (True, True), (name, value)
        for value in outside:
            assert taken(**{name: value}) == (False, False), (name, value)
    for target in ("COVID-19", 2, "2"):
        assert taken(target=target) == (True, True)
    assert taken(target=3) == taken(colour="red") == (False, False)


def test_the_name_of_an_abandoned_request_is_one_to_the_code_too():
    schema = {"$ref": "#/components/schemas/Abandon"}
    for name in ("0123456789abcdef" * 2, "0" * 31, "0" * 33, "G" * 32, "A" * 32, "../" + "0" * 29):
        assert valid({ABANDON_FIELD: name}, schema) == (abandoned_name({"body": {ABANDON_FIELD: name}}) == name), name


def test_only_the_default_method_needs_no_name():
    requests = OPENAPI["paths"]["/explanations/coronet"]["post"]["requestBody"]["content"][JSON]["schema"]
    assert valid({"data": ""}, requests)
    for method in METHODS:
        schema = OPENAPI["components"]["schemas"][options_name(method)]
        assert ("method" in schema["required"]) == (method != DEFAULT_METHOD)


def test_every_request_to_the_model_needs_the_token():
    assert OPENAPI["security"] == [{"inferenceToken": []}]
    open_to_all = {name for name, operation in operations() if operation.get("security") == []}
    assert open_to_all == {"get /metrics"}


def test_the_limits_of_the_http_page_are_those_of_the_code():
    page = (REFERENCE / "http.md").read_text(encoding="utf-8").split("\n## Limits\n", 1)[1].split("\n## ", 1)[0]
    limits, config = Limits(), (REFERENCE.parents[1] / "config.properties").read_text(encoding="utf-8")
    properties = dict(re.findall(r"^(\w+)=(\d+)$", config, flags=re.M))
    assert properties["max_request_size"] == properties["max_response_size"]
    assert re.findall(r"^\| ([^|]*) \| ([^|]*) \|$", page, flags=re.M)[2:] == [
        ("one image", f"{MAX_PIXELS // 10**6} megapixels"),
        ("images of one request", f"{limits.max_instances}, with {limits.max_pixels // 10**6} megapixels in all"),
        ("one request, one response", f"{int(properties['max_request_size']) >> 20} MB"),
        ("waiting requests", f"{properties['job_queue_size']} for each model"),
        ("explanations of one request", f"{limits.explain_seconds} s by estimate"),
    ]
