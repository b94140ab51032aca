"""JSON Schemas of requests and responses, for openapi.yaml: options and their ranges come from the code."""

from __future__ import annotations

from typing import Any

from explanations import DEFAULT_METHOD, METHODS
from explanations.grid_maps import LARGEST_GRID
from explanations.settings import Option, options_of
from handlers.limits import Limits
from model_src.calibration.prediction_sets import LEVELS
from model_src.classes import CLASS_NAMES
from model_src.imaging.formats import ACCEPTED, FORMATS
from model_src.model_names import ABANDON_FIELD
from outputs.registry import EXPLANATIONS, FILM_EXPLANATIONS, format_names

Schema = dict[str, Any]

IMAGE_FORMATS = tuple(row.name for row in FORMATS)
FORMATS_OF_EXPLANATIONS = tuple(format_names({**EXPLANATIONS, **FILM_EXPLANATIONS}))
# What a caller may call a request of its own.
REQUEST_NAME: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}


def reference(name: str) -> Schema:
    """A pointer to a schema of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def options_name(method: str) -> str:
    """The name of the schema of a method's request: "grad_cam" -> "ExplainGradCam"."""
    return "Explain" + "".join(part.capitalize() for part in method.split("_"))


def schemas() -> dict[str, Schema]:
    """Every schema by name."""
    prediction = _prediction()
    return {
        "Prediction": _closed(prediction, _always(prediction)),
        "Predictions": _closed({"predictions": _list_of(reference("Prediction"))}),
        "Explanation": _closed({**prediction, **_explanation()}, [*_always(prediction), *_explanation()]),
        "Explanations": _closed({"predictions": _list_of(reference("Explanation"))}),
        "Error": _error(),
        "Image": _closed({"data": _base64("the image file")}),
        "Abandon": _closed({ABANDON_FIELD: REQUEST_NAME}),
        "Images": _closed({"instances": _instances(reference("Image"))}),
        **{options_name(method): _explain(method) for method in METHODS},
        "ExplainImages": _explain_images(),
    }


def explain_request() -> Schema:
    """One image to explain, by any method."""
    return {"oneOf": [reference(options_name(method)) for method in METHODS]}


def _closed(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    """An object with these properties and no other; all are required unless said."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _share(description: str = "") -> Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, **({"description": description} if description else {})}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": Limits().max_instances}


def _base64(what: str, media_type: str = "") -> Schema:
    found: Schema = {"type": "string", "contentEncoding": "base64", "description": f"{what}, as base64 text"}
    return {**found, "contentMediaType": media_type} if media_type else found


def _prediction() -> dict[str, Schema]:
    residual = "mean absolute difference between the X-ray and this autoencoder's drawing of it"
    return {
        "model": {"type": "string", "const": "coronet"},
        "model_version": {"type": "string"},
        "label": {"type": "string", "enum": list(CLASS_NAMES), "description": "the most probable class"},
        "probabilities": _closed({name: _share() for name in CLASS_NAMES}) | {"description": "their sum is 1"},
        "residual": _closed({"healthy": _share(residual), "pneumonia": _share(residual)}),
        "image": _closed(
            {
                "format": {"type": "string", "enum": list(IMAGE_FORMATS)},
                "width": {"type": "integer", "minimum": 1, "description": "pixels, upright"},
                "height": {"type": "integer", "minimum": 1},
            }
        ),
        **_calibrated(),
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "the research-use notice is the first",
        },
    }


def _always(prediction: dict[str, Schema]) -> list[str]:
    """The fields that every answer has; an archive without a calibration leaves those of it out."""
    return [name for name in prediction if name not in _calibrated()]


def _calibrated() -> dict[str, Schema]:
    """What validation films say of an answer."""
    names: Schema = {"type": "array", "items": {"type": "string", "enum": list(CLASS_NAMES)}, "uniqueItems": True}
    count: Schema = {"type": "integer", "minimum": 0}
    return {
        "prediction_set": _closed({str(level): names for level in LEVELS})
        | {"description": "by level in percent: the classes left open, the most probable first; there may be none"},
        "in_scope": _closed(
            {
                "value": {"type": "boolean"},
                "score": {"type": "number", "minimum": 0, "description": "larger is stranger"},
                "threshold": {"type": "number", "description": "in scope up to this score"},
                "reason": {"type": "string", "description": "a phrase, without a full stop"},
            }
        )
        | {"description": "whether the model can be asked about this film"},
        "such_answers": _closed(
            {"answers": count, "right": count, "from": _share("probability"), "to": _share("probability")}
        )
        | {"description": "validation films that were called the same class with a probability in this range"},
    }


def _explanation() -> dict[str, Schema]:
    row = {"type": "array", "items": _share(), "maxItems": LARGEST_GRID}
    return {
        "method": {"type": "string", "enum": list(METHODS)},
        "target": {"type": "string", "enum": list(CLASS_NAMES), "description": "the class explained"},
        "steps": {"type": "integer", "minimum": 0, "description": "model evaluations spent on the map"},
        "seed": {"type": "integer"},
        "sign": {"type": "string", "description": "what 1 in the map means"},
        "heatmap": {
            "type": "array",
            "items": row,
            "maxItems": LARGEST_GRID,
            "description": "rows from top to bottom; 1 matters most",
        },
        "heatmap_png": _base64("the map at the image's size, longest side at most 1024", "image/png"),
        "overlay_png": _base64("the map over the X-ray", "image/png"),
        "residual_png": _base64("what both autoencoders could not draw, side by side", "image/png"),
        "target_probability": _closed(
            {"original": _share("of the X-ray"), "perturbed": _share("of the picture that the method ended with")}
        ),
        "faithfulness": _closed(
            {"deletion": _share("area under the deletion curve"), "insertion": _share("area under the insertion curve")}
        ),
        "details": {
            "type": "object",
            "properties": {
                "certificate": {
                    "type": "string",
                    "description": "how this method stood the four tests of Arun et al. 2021 with these weights",
                }
            },
            "description": "what this method alone has to say, and its certificate if the model has one",
        },
    }


def _error() -> Schema:
    return _closed(
        {
            "code": {"type": "integer", "description": "the HTTP status"},
            "type": {"type": "string", "description": "the error's name; see errors.md"},
            "message": {"type": "string", "description": "what was found, what is needed, what to do"},
        }
    )


def _instances(items: Schema) -> Schema:
    return {**_list_of(items), "description": "images of one request"}


def _explain(method: str) -> Schema:
    """The request that explains one image by `method`: the image, what to explain, and the method's options."""
    required = ["data"] if method == DEFAULT_METHOD else ["data", "method"]
    found = _closed({"data": _base64(f"an image file ({ACCEPTED})"), **_common_fields(method)}, required)
    for name, (option, default) in options_of(METHODS[method].settings).items():
        found["properties"][name] = _option(option, default)
    return {**found, "description": METHODS[method].summary}


def _common_fields(method: str) -> dict[str, Schema]:
    indices = list(range(len(CLASS_NAMES)))
    return {
        "method": {"type": "string", "const": method},
        "target": {
            "enum": [*CLASS_NAMES, *indices, *map(str, indices)],
            "description": "the class to explain, by name or index; default: the predicted one",
        },
        "format": {
            "type": "string",
            "enum": list(FORMATS_OF_EXPLANATIONS),
            "default": FORMATS_OF_EXPLANATIONS[0],
            "description": "json: everything; png: the overlay alone, as the response's body; dicom, of a DICOM film: "
            "objects for its study, in parts; dicom-report: the report alone",
        },
    }


def _option(option: Option, default: object) -> Schema:
    """One option; numbers may also be sent as text, which a form does."""
    if option.choices:
        found: Schema = {"type": "string", "enum": list(option.choices)}
    else:
        low, high = (int(end) if float(end).is_integer() else end for end in (option.low, option.high))
        found = {"type": "integer" if option.whole else "number", "minimum": low, "maximum": high}
    unit = f" ({option.unit})" if option.unit else ""
    given = {} if default is None else {"default": default}
    return {**found, **given, "description": option.help + unit}


def _explain_images() -> Schema:
    """A list of images to explain; fields beside the list hold for all of them, an image's own win."""
    image = {"type": "object", "properties": {"data": _base64("the image file")}, "required": ["data"]}
    return {
        "type": "object",
        "properties": {"instances": _instances(image), "method": {"type": "string", "enum": list(METHODS)}},
        "required": ["instances"],
        "description": "Options stand beside the list, for all images, or with an image, for that one. "
        "They are those of the method's own schema; no format but json is taken.",
    }
