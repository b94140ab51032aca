"""Recipes: every setting that decides what a training computes, one small YAML file each in `train/recipes/`.

The types hold the limits: what a setting takes is written once, as the description of its field, and messages say it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from model_src.errors import RunError
from model_src.networks.fpae import check_size
from model_src.networks.kinds import CINS, TFENS, Network, ThirdMap
from train.data.augmentation import MOST_VARIANTS
from train.data.sampling import SAMPLINGS

RECIPE_FOLDER = Path(__file__).parent / "recipes"

AtLeastOne = Annotated[int, Field(ge=1, description="at least 1")]
Optimiser = Annotated[Literal["adam", "adamw"], Field(description="adam or adamw")]
Rate = Annotated[float, Field(gt=0, description="above 0")]
Schedule = Annotated[Literal["constant", "one_cycle"], Field(description="constant or one_cycle")]
NotNegative = Annotated[float, Field(ge=0, description="at least 0")]
BelowOne = Annotated[float, Field(ge=0, lt=1, description="from 0 to below 1")]
Switch = Annotated[bool, Field(description="true or false")]
Augmentation = Annotated[
    Literal["none", "left_right", "left_right_third", "flips", "affine", "hospitals"],
    Field(description=f"one of {', '.join(MOST_VARIANTS)}"),
]
Weight = Annotated[float, Field(gt=0)]


class _Settings(BaseModel):
    """A number is not taken for a text, nor a text for a number; unknown settings are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FpaeRecipe(_Settings):
    """How each autoencoder is trained on the images of its own class (equations 2-4)."""

    epochs: AtLeastOne
    optimiser: Optimiser
    learning_rate: Rate
    schedule: Schedule
    weight_decay: NotNegative
    # images per step
    batch_size: Annotated[int, Field(ge=0, description="at least 1, or 0 for all images in one step")]
    latent_weight: NotNegative  # lambda, the weight of the latent distance
    augmentation: Augmentation  # see train/data/augmentation.py
    # side of the random square crops that are trained on; 0 = whole images
    crop: Annotated[int, Field(ge=0, multiple_of=8, description="0, or a multiple of 8 up to the image size")]


class CinRecipe(_Settings):
    """How the classifier is trained on residuals (section 2.2); the baselines use the same settings."""

    network: Annotated[Network, Field(description=f"one of {', '.join(CINS)}")]
    third_map: Annotated[ThirdMap, Field(description=f"one of {', '.join(TFENS)}")]  # of the TFEN
    epochs: AtLeastOne
    optimiser: Optimiser
    learning_rate: Rate
    schedule: Schedule
    weight_decay: NotNegative
    batch_size: AtLeastOne
    init: Annotated[str, Field(description="imagenet, random or a weights file")]
    class_weights: Annotated[
        Literal["balanced", "none"] | tuple[Weight, Weight, Weight],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),  # as YAML and JSON give it
        Field(description="balanced, none, or 3 numbers above 0"),
    ]
    # which films an epoch is drawn from, see train/data/sampling.py
    sampling: Annotated[
        Literal["none", "class", "class_source_view"], Field(description=f"one of {', '.join(SAMPLINGS)}")
    ]
    # films drawn for each epoch; 0 = as many as there are
    films_per_epoch: Annotated[int, Field(ge=0, description="at least 1, or 0 for as many as there are")]
    augmentation: Augmentation
    # augmented versions of each image; up to as many as there are epochs, residuals are computed once for each
    variants: Annotated[int, Field(description="a whole number")]
    normalise: Switch  # standardise the classifier's input by the training data's mean and deviation
    label_smoothing: BelowOne
    # share of the variants that are mixed with another X-ray, before the autoencoders; 0 = off
    mixup: Annotated[float, Field(ge=0, le=1, description="from 0 to 1, and more than one variant if above 0")]
    calibrate: Switch  # divide the logits by the temperature that fits validation images best
    average: BelowOne  # decay of the exponential moving average of the weights; 0 = off

    @property
    def keeps_residuals(self) -> bool:
        """Whether residuals are kept on disk: a variant comes back if there are no more of them than epochs."""
        return self.variants <= self.epochs

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> CinRecipe:
        most = MOST_VARIANTS[self.augmentation]
        if not 1 <= self.variants <= most:
            raise ValueError(f"augmentation {self.augmentation!r}: found {self.variants} variants, need 1 to {most}")
        if self.sampling != "none" and 0 < self.films_per_epoch < 3:
            raise ValueError(
                f"films_per_epoch: found {self.films_per_epoch}, need 3 or more to draw from every class, or 0"
            )
        if self.mixup and self.variants == 1:  # variant 0, the X-ray as it is, is never mixed
            raise ValueError(f"mixup: found {self.mixup} of 1 variant, need more than one variant, or 0")
        return self


class Recipe(_Settings):
    """A named set of settings."""

    name: Annotated[str, Field(description="a name")]
    image_size: Annotated[int, Field(description="a whole number")]
    # of patients per class, held out for model selection
    validation_fraction: Annotated[float, Field(gt=0, lt=1, description="between 0 and 1")]
    fpae: Annotated[FpaeRecipe, Field(description="the settings of the autoencoders")]
    cin: Annotated[CinRecipe, Field(description="the settings of the classifier")]

    @field_validator("image_size")
    @classmethod
    def _passes_the_pyramid(cls, size: int) -> int:
        check_size(size)
        return size

    @model_validator(mode="after")
    def _crops_fit(self) -> Recipe:
        if self.fpae.crop > self.image_size:
            needed = FpaeRecipe.model_fields["crop"].description
            raise ValueError(f"fpae.crop: found {self.fpae.crop}, need {needed}")
        return self

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready settings, as they go into `run.json`."""
        return self.model_dump()

    def changed(self, **changes: Any) -> Recipe:
        """A copy with settings replaced; `fpae_epochs=3` sets `fpae.epochs`, and None leaves a setting alone.

        Raises:
            RunError: a value that the setting does not take.
        """
        settings = self.as_dict()
        for name, value in changes.items():
            stage, _, setting = name.partition("_")
            if value is None:
                continue
            if stage in ("fpae", "cin"):
                settings[stage][setting] = value
            else:
                settings[name] = value
        return recipe_from_dict(settings)


def recipe_names() -> list[str]:
    """The recipes that `--recipe` accepts."""
    return sorted(path.stem for path in RECIPE_FOLDER.glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises RunError for an unknown one."""
    path = RECIPE_FOLDER / f"{name}.yaml"
    if name not in recipe_names():
        raise RunError(f"recipe: found {name!r}, need one of {', '.join(recipe_names())}")
    return recipe_from_dict({"name": name, **yaml.safe_load(path.read_text(encoding="utf-8"))})


def recipe_from_dict(settings: dict[str, Any]) -> Recipe:
    """Build a recipe from plain settings. Raises RunError that names the first setting that cannot be taken."""
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        raise RunError(f"recipe {settings.get('name')}: {_first_fault(error, settings)}") from None


def _first_fault(error: ValidationError, settings: dict[str, Any]) -> str:
    """One line of found and needed for the first of pydantic's findings."""
    fault = error.errors(include_url=False)[0]
    loc = [str(part) for part in fault["loc"][:2]]
    if fault["type"] == "value_error":  # one setting contradicts another; the message names both
        return ".".join([*loc, str(fault["ctx"]["error"])])
    models: dict[str, type[BaseModel]] = {"fpae": FpaeRecipe, "cin": CinRecipe}
    model, found = (models[loc[0]], settings[loc[0]]) if len(loc) == 2 else (Recipe, settings)
    setting = ".".join(loc)
    if fault["type"] == "missing":
        return f"{setting} is missing; need {', '.join(model.model_fields)}"
    if fault["type"] == "extra_forbidden":
        return f"{setting} is no setting of this version; need {', '.join(model.model_fields)}"
    needed = model.model_fields[loc[-1]].description or fault["msg"]
    return f"{setting}: found {found[loc[-1]]!r}, need {needed}"
