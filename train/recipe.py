"""Recipes: every setting that decides what a training computes, one small YAML file each in `train/recipes/`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from model_src.classes import CLASS_NAMES
from model_src.errors import RunError
from model_src.networks.fpae import check_size
from train.data.augmentation import check_augmentation

OPTIMISERS = ("adam", "adamw")
SCHEDULES = ("constant", "one_cycle")
TEACHERS = ("none", "efficientnet_lite2")
RECIPE_FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class FpaeRecipe:
    """How each autoencoder is trained on the images of its own class (equations 2-4)."""

    epochs: int
    optimiser: str  # one of OPTIMISERS
    learning_rate: float
    schedule: str  # one of SCHEDULES
    weight_decay: float
    batch_size: int  # images per step; 0 = every image of the class in one step
    latent_weight: float  # lambda, the weight of the latent distance
    augmentation: str  # see train/data/augmentation.py
    crop: int  # side of the random square crops that are trained on; 0 = whole images


@dataclass(frozen=True)
class CinRecipe:
    """How the classifier is trained on residuals (section 2.2); the baselines use the same settings."""

    epochs: int
    optimiser: str
    learning_rate: float
    schedule: str
    weight_decay: float
    batch_size: int
    init: str  # "imagenet", "random" or a weights file
    class_weights: str | tuple[float, ...]  # "balanced", "none" or three numbers
    augmentation: str
    variants: int  # augmented versions of each image; residuals are computed once for each
    normalise: bool  # standardise the classifier's input by the training data's mean and deviation
    label_smoothing: float
    mixup: float  # share of the variants that are mixed with another X-ray, before the autoencoders; 0 = off
    teacher: str  # one of TEACHERS: whose answers the classifier learns instead of the labels, or "none"
    calibrate: bool  # divide the logits by the temperature that fits validation images best
    average: float  # decay of the exponential moving average of the weights; 0 = off

    @property
    def variants_shown(self) -> int:
        """How many variants an image is drawn from: no more than epochs, which keeps the residual cache small."""
        return min(self.variants, self.epochs)


@dataclass(frozen=True)
class Recipe:
    """A named set of settings."""

    name: str
    image_size: int
    validation_fraction: float  # of patients per class, held out for model selection
    fpae: FpaeRecipe
    cin: CinRecipe

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready settings, as they go into `run.json`."""
        return asdict(self)

    def changed(self, **changes: Any) -> Recipe:
        """A copy with settings replaced; `fpae_epochs=3` sets `fpae.epochs`, and None leaves a setting alone."""
        own: dict[str, Any] = {}
        parts: dict[str, dict[str, Any]] = {"fpae": {}, "cin": {}}
        for name, value in changes.items():
            stage, _, field = name.partition("_")
            if value is None:
                continue
            if stage in parts:
                parts[stage][field] = value
            else:
                own[name] = value
        return check_recipe(
            replace(self, fpae=replace(self.fpae, **parts["fpae"]), cin=replace(self.cin, **parts["cin"]), **own)
        )


def recipe_names() -> list[str]:
    """The recipes that `--recipe` accepts."""
    return sorted(path.stem for path in RECIPE_FOLDER.glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises RunError for an unknown one."""
    path = RECIPE_FOLDER / f"{name}.yaml"
    if name not in recipe_names():
        raise RunError(f"recipe: found {name!r}, need one of {', '.join(recipe_names())}")
    return recipe_from_dict({"name": name, **yaml.safe_load(path.read_text(encoding="utf-8"))}, str(path))


def recipe_from_dict(settings: dict[str, Any], where: str) -> Recipe:
    """Build a recipe from plain settings; `where` names their file in errors. Raises RunError."""
    try:
        weights = settings["cin"]["class_weights"]
        return check_recipe(
            Recipe(
                name=settings["name"],
                image_size=settings["image_size"],
                validation_fraction=settings["validation_fraction"],
                fpae=FpaeRecipe(**settings["fpae"]),
                cin=CinRecipe(
                    **{**settings["cin"], "class_weights": weights if isinstance(weights, str) else tuple(weights)}
                ),
            )
        )
    except (KeyError, TypeError) as error:
        needed = [f.name for part in (Recipe, FpaeRecipe, CinRecipe) for f in fields(part)]
        raise RunError(f"{where}: not a recipe of this version ({error}); a recipe has {', '.join(needed)}") from error


def check_recipe(recipe: Recipe) -> Recipe:
    """Return `recipe` if its values make sense. Raises RunError naming the setting otherwise."""
    check_size(recipe.image_size)
    check_augmentation(recipe.fpae.augmentation, 1)
    check_augmentation(recipe.cin.augmentation, recipe.cin.variants)
    fpae, cin = recipe.fpae, recipe.cin
    weights = cin.class_weights
    if isinstance(weights, str):
        weighs = weights in ("balanced", "none")
    else:
        weighs = len(weights) == len(CLASS_NAMES) and min(weights) > 0
    mixes = cin.mixup == 0 or cin.variants > 1  # variant 0, the X-ray as it is, is never mixed
    crops = fpae.crop % 8 == 0 and 0 <= fpae.crop <= recipe.image_size
    # Setting, its value, whether it can be taken, what can.
    checks: list[tuple[str, object, bool, str]] = [
        ("validation_fraction", recipe.validation_fraction, 0 < recipe.validation_fraction < 1, "between 0 and 1"),
        ("fpae.batch_size", fpae.batch_size, fpae.batch_size >= 0, "at least 1, or 0 for all images in one step"),
        ("fpae.latent_weight", fpae.latent_weight, fpae.latent_weight >= 0, "at least 0"),
        ("fpae.crop", fpae.crop, crops, "0, or a multiple of 8 up to the image size"),
        ("cin.batch_size", cin.batch_size, cin.batch_size > 0, "at least 1"),
        ("cin.label_smoothing", cin.label_smoothing, 0 <= cin.label_smoothing < 1, "from 0 to below 1"),
        ("cin.mixup", cin.mixup, 0 <= cin.mixup <= 1 and mixes, "from 0 to 1, and more than one variant if above 0"),
        ("cin.teacher", cin.teacher, cin.teacher in TEACHERS, " or ".join(TEACHERS)),
        ("cin.average", cin.average, 0 <= cin.average < 1, "from 0 to below 1"),
        ("cin.class_weights", weights, weighs, f"balanced, none, or {len(CLASS_NAMES)} numbers above 0"),
    ]
    for name, stage in (("fpae", fpae), ("cin", cin)):
        checks += [
            (f"{name}.epochs", stage.epochs, stage.epochs > 0, "at least 1"),
            (f"{name}.optimiser", stage.optimiser, stage.optimiser in OPTIMISERS, " or ".join(OPTIMISERS)),
            (f"{name}.learning_rate", stage.learning_rate, stage.learning_rate > 0, "above 0"),
            (f"{name}.schedule", stage.schedule, stage.schedule in SCHEDULES, " or ".join(SCHEDULES)),
            (f"{name}.weight_decay", stage.weight_decay, stage.weight_decay >= 0, "at least 0"),
        ]
    for setting, value, right, needed in checks:
        if not right:
            raise RunError(f"recipe {recipe.name}: {setting}: found {value!r}, need {needed}")
    return recipe
