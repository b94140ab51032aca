"""The pages of errors, explanation options, limits and recipes, from the types that define them."""

from __future__ import annotations

import inspect

import yaml

from archive.build import DEFAULT_CONFIG
from docs.generator.markdown import page, table
from explanations import METHODS
from explanations.settings import Settings, options_of
from handlers.limits import Limits
from model_src import errors
from model_src.classes import CLASS_NAMES
from model_src.engines.settings import PRECISIONS, engine_names
from model_src.imaging.decoding import MAX_PIXELS
from outputs.registry import EXPLANATIONS, FILM_EXPLANATIONS, format_names
from train.recipe import CinRecipe, FpaeRecipe, Recipe, load_recipe, recipe_names

# Errors that have no class of ours: status, type, when.
OTHER_ERRORS: tuple[tuple[int, str, str], ...] = (
    (307, "ExplanationsElsewhere", "These workers are for predictions. Ask at the path in the header `Location`."),
    (400, "InvalidKeyException", "The token is missing, wrong or expired. TorchServe's own response."),
    (408, "RequestTimeout", "The request was not sent whole. From the Ray Serve front and from the door of `--keys`."),
    (413, "RequestTooLarge", "The request is larger than the server takes. From the Ray Serve front."),
    (413, "(no body)", "The request is larger than the server takes. TorchServe's own response."),
    (500, "InternalServerException", "A worker ended while it had this request. TorchServe's own response."),
    (503, "ServiceUnavailableException", "The queue is full. Ask again in a while. TorchServe's own response."),
)


def request_errors() -> list[type[errors.RequestError]]:
    """The errors that are answered to the caller of one request, by status and name."""
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RequestError)]
    return sorted(
        (kind for kind in found if kind is not errors.RequestError), key=lambda kind: (kind.status, kind.__name__)
    )


def errors_page() -> str:
    """docs/reference/errors.md"""
    answered = [(kind.status, f"`{kind.__name__}`", inspect.getdoc(kind)) for kind in request_errors()]
    others = [(status, f"`{name}`" if name[0] != "(" else name, when) for status, name, when in OTHER_ERRORS]
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__bases__ == (errors.CoroNetError,)
    ]
    commands = [(f"`{kind.__name__}`", inspect.getdoc(kind)) for kind in kinds if kind is not errors.RequestError]
    return page(
        "Errors",
        "Every message says what was found, what is needed, and what to do.",
        "## Over HTTP",
        'The body is `{"code": 400, "type": "InvalidImage", "message": "..."}`, with the same status as the response.',
        table(["status", "type", "when"], sorted([*answered, *others], key=lambda row: (row[0], str(row[1])))),
        "In a list of images the message names the image: `instances[1]: found a PDF document ...`. "
        "The client asks again by itself after a 503.",
        "## From commands",
        "A command that fails prints `coronet: ` and the message on stderr. Its exit status is 1.",
        table(["exception", "what it is about"], commands),
    )


def options_page() -> str:
    """docs/reference/explanation-options.md"""
    general, formats = options_of(Settings), list(format_names({**EXPLANATIONS, **FILM_EXPLANATIONS}))
    common = [
        ("`method`", next(iter(METHODS)), f"one of {', '.join(METHODS)}", "how to explain"),
        (
            "`target`",
            "-",
            f"one of {', '.join(CLASS_NAMES)} or 0, 1, 2",
            "the class to explain; default: the predicted one",
        ),
        (
            "`format`",
            formats[0],
            f"one of {', '.join(formats)}",
            "everything as JSON, the overlay alone as a picture, or [DICOM objects](dicom-objects.md)",
        ),
        *(_option_row(Settings, name) for name in general),
    ]
    sections = []
    for method in METHODS.values():
        own = [_option_row(method.settings, name) for name in options_of(method.settings) if name not in general]
        sections += [f"### {method.name}", method.summary, table(_OPTION_HEADING, own)]
    return page(
        "Options of the explanation methods",
        "Fields of a request to `/explanations/coronet`, and what `coronet explain --option NAME=VALUE` sends. "
        "Every field may be text (in a form) or a JSON value. An unknown name or a value outside its range is "
        "answered 400 with the field and what it takes.",
        "What each method asks, and when to use it: [Explanations](../background/explanations.md).",
        "## Every method",
        table(_OPTION_HEADING, common),
        "## Each method's own",
        *sections,
    )


_OPTION_HEADING = ("field", "default", "takes", "meaning")


def _option_row(settings: type[Settings], name: str) -> tuple[object, ...]:
    option, default = options_of(settings)[name]
    return f"`{name}`", "-" if default is None else default, option.takes, option.help


def limits_page() -> str:
    """docs/reference/limits.md"""
    packed = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))["handler"]
    given = {name: packed.get(name, field.default) for name, field in Limits.model_fields.items()}
    meaning = {
        "max_instances": 'images in one `{"instances": [...]}` request',
        "max_pixels": "pixels of all images of one request, by their headers",
        "explain_seconds": "seconds for the explanations of one request; longer ones are refused or end early",
        "max_answer_bytes": "bytes of one response; must stay below `max_response_size` of config.properties",
    }
    return page(
        "Settings and limits of a worker",
        "The `handler:` section of `model-config.yaml` sets them. Pack your own file with "
        "`coronet archive --config FILE`; start from [ours](../../archive/model-config.yaml). A wrong name or value "
        "stops the worker at its start with a message.",
        table(
            ["setting", "packed", "takes", "meaning"],
            [
                ("`engine`", packed["engine"], ", ".join(engine_names()), "what runs predictions"),
                (
                    "`precision`",
                    packed["precision"],
                    ", ".join(PRECISIONS),
                    "the engine's numbers; see `coronet evaluate --engine`",
                ),
                *((f"`{name}`", f"{value:,}", "a positive integer", meaning[name]) for name, value in given.items()),
            ],
        ),
        f"One image has at most {MAX_PIXELS:,} pixels. No setting changes that.",
        "Everything else that TorchServe can be told stands in [config.properties](../../config.properties) and in the "
        "first part of [model-config.yaml](../../archive/model-config.yaml), each line with its reason.",
    )


def recipes_page() -> str:
    """docs/reference/recipes.md"""
    recipes = {name: load_recipe(name).as_dict() for name in recipe_names()}
    parts = []
    for title, settings, values in (
        ("Whole run", Recipe, recipes),
        ("`fpae`: each autoencoder", FpaeRecipe, {name: recipe["fpae"] for name, recipe in recipes.items()}),
        ("`cin`: the classifier", CinRecipe, {name: recipe["cin"] for name, recipe in recipes.items()}),
    ):
        rows = [
            (f"`{key}`", field.description or "", *(_value(values[name][key]) for name in recipes))
            for key, field in settings.model_fields.items()
            if key not in ("name", "fpae", "cin")
        ]
        parts += [f"## {title}", table(["setting", "takes", *recipes], rows)]
    return page(
        "Recipes",
        "A recipe holds every setting that decides what a training computes. It is a file of some thirty lines in "
        "[train/recipes](../../train/recipes); `coronet train --recipe NAME` takes it. What the recipes are for: "
        "[Training](../background/training.md#recipes). What each setting means: "
        "[train/recipe.py](../../train/recipe.py).",
        *parts,
    )


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
