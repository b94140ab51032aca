"""Whatever fields a caller sends: options within their ranges, or an error that can be shown."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from explanations import METHODS, parse_options
from explanations.settings import options_of
from model_src.classes import CLASS_NAMES
from model_src.errors import InvalidRequest
from tests.properties import JSON_VALUES, check_message

METHOD_NAMES = st.sampled_from(sorted(METHODS))
OPTION_NAMES = sorted({name for method in METHODS.values() for name in options_of(method.settings)})
NUMBERS = st.integers(-3, 1100) | st.floats() | st.integers() | st.floats(-2, 12)
VALUES = NUMBERS | NUMBERS.map(str) | JSON_VALUES


def valid(method: str) -> st.SearchStrategy[dict[str, Any]]:
    """Fields that a method takes, each within its range."""
    fields: dict[str, st.SearchStrategy[object]] = {}
    for name, (option, _) in options_of(METHODS[method].settings).items():
        if option.choices:
            fields[name] = st.sampled_from(option.choices)
        elif option.whole:
            fields[name] = st.integers(int(option.low), int(option.high))
        else:
            fields[name] = st.floats(option.low, option.high)
    return st.fixed_dictionaries({"method": st.just(method)}, optional=fields)


@given(st.dictionaries(st.sampled_from([*OPTION_NAMES, "method", "target"]) | st.text(), VALUES, max_size=4))
def test_any_fields_give_options_in_range_or_are_refused(fields: dict[str, Any]) -> None:
    try:
        options = parse_options(fields)
    except InvalidRequest as error:
        check_message(error)
        return
    assert options.method in METHODS
    assert options.target is None or 0 <= options.target < len(CLASS_NAMES)
    for name, (option, default) in options_of(METHODS[options.method].settings).items():
        value = getattr(options.settings, name)
        if option.choices:
            assert value in option.choices
        elif value is not None or default is not None:
            assert option.low <= value <= option.high
            assert isinstance(value, int) or not option.whole


@given(METHOD_NAMES.flatmap(valid))
def test_what_a_method_takes_is_taken_as_it_is(fields: dict[str, Any]) -> None:
    options = parse_options(fields)
    assert {name: getattr(options.settings, name) for name in fields if name != "method"} == {
        name: value for name, value in fields.items() if name != "method"
    }


@given(METHOD_NAMES.flatmap(valid))
def test_text_of_a_form_means_what_json_means(fields: dict[str, Any]) -> None:
    assert parse_options({name: str(value) for name, value in fields.items()}) == parse_options(fields)


@given(METHOD_NAMES.flatmap(valid), st.text(min_size=1))
def test_a_field_that_no_method_has_is_refused(fields: dict[str, Any], name: str) -> None:
    if name in (*OPTION_NAMES, "method", "target", "format"):
        return
    try:
        parse_options({**fields, name: 1})
    except InvalidRequest as error:
        check_message(error)
    else:
        raise AssertionError(f"took {name!r}")
