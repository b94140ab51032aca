"""Request fields: what is taken, from forms and from JSON, and how everything else is refused."""

from __future__ import annotations

import pytest

from explanations import DEFAULT_METHOD, METHODS, describe_methods, parse_options
from explanations.settings import options_of
from model_src.errors import InvalidRequest


def test_nothing_given_is_the_default_method():
    options = parse_options({})
    assert options.method == DEFAULT_METHOD == "meaningful_perturbation"
    assert options.target is None
    assert options.seed == 0


def test_text_of_a_form_and_json_values_mean_the_same():
    form = parse_options({"method": "occlusion", "target": "covid-19", "steps": "9", "window": "0.25"})
    json = parse_options({"method": "occlusion", "target": 2, "steps": 9.0, "window": 0.25, "seed": None})
    assert form == json
    assert form.target == 2
    assert vars(form.settings)["window"] == 0.25


@pytest.mark.parametrize(
    ("fields", "field", "takes"),
    [
        ({"method": "lime"}, "method", "meaningful_perturbation"),
        ({"method": 3}, "method", "grad_cam"),
        ({"target": "flu"}, "target", "COVID-19"),
        ({"target": 3}, "target", "0, 1, 2"),
        ({"target": True}, "target", "Healthy"),
        ({"target": [1]}, "target", "Healthy"),
        ({"steps": 0}, "steps", "an integer from 1 to 1000"),
        ({"steps": "many"}, "steps", "an integer"),
        ({"steps": 2.5}, "steps", "an integer"),
        ({"steps": True}, "steps", "an integer"),
        ({"steps": "9" * 6000}, "steps", "an integer"),
        ({"seed": 2**70}, "seed", "an integer"),
        ({"area": float("nan")}, "area", "a number from 0 to 10"),
        ({"area": "inf"}, "area", "a number"),
        ({"objective": "destroy"}, "objective", "deletion, preservation"),
        ({"perturbation": None, "init": {}}, "init", "circular"),
        ({"time_budget": 0}, "time_budget", "from 0.1 to 3600 (seconds)"),
        ({"method": "saliency", "tv": 1}, "tv", "smooth_noise"),
        ({"method": "integrated_gradients", "baseline": "white"}, "baseline", "black, blur, healthy"),
        ({"colour": "red"}, "colour", "steps"),
        ({"\ud800": 1}, "ud800", "steps"),
    ],
)
def test_refusal_names_the_field_and_what_it_takes(fields, field, takes):
    with pytest.raises(InvalidRequest) as caught:
        parse_options(fields)
    message = str(caught.value)
    assert field in message
    assert takes in message
    assert message.isascii()
    assert len(message) < 400


@pytest.mark.parametrize("method", METHODS)
def test_both_ends_of_every_range_are_taken_and_nothing_beyond(method):
    for name, (option, default) in options_of(METHODS[method].settings).items():
        if option.choices:
            assert default in option.choices
            continue
        for value in (option.low, option.high):
            options = parse_options({"method": method, name: value})
            assert getattr(options.settings, name) == value
        for value in (option.low - 1, option.high + 1):
            with pytest.raises(InvalidRequest, match=name):
                parse_options({"method": method, name: value})
        assert default is None or option.low <= default <= option.high


def test_description_lists_what_the_parser_takes():
    described = describe_methods()
    assert list(described) == list(METHODS)
    assert described["occlusion"]["options"]["baseline"]["takes"] == "one of black, blur, healthy"
    assert described["meaningful_perturbation"]["options"]["steps"]["takes"] == "an integer from 1 to 1000"


def test_a_value_nested_too_deeply_to_be_shown_is_refused_all_the_same():
    value: list = []
    for _ in range(10_000):
        value = [value]
    with pytest.raises(InvalidRequest, match=r"steps: found a list that is nested too .*, need an integer"):
        parse_options({"steps": value})
