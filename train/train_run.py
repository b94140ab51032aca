"""A whole training: data, two autoencoders, residuals, classifier, in one run folder; continues where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from model_src.cin import CIN
from model_src.classes import CLASS_NAMES, HEALTHY, PNEUMONIA
from model_src.errors import DataError, RunError
from model_src.fpae import FPAE
from model_src.tfen import TFEN
from train.baselines import BASELINES, XrayResNet
from train.classifier_inputs import ClassifierInputs, residual_inputs
from train.data_dir import class_counts, describe_data
from train.device import Compute, choose_compute
from train.distributed import Workers, local_device, synchronise_batch_norm, workers
from train.image_cache import ImageCache, open_cache
from train.imagenet import start_weights
from train.recipe import Recipe
from train.run_folder import AUTOENCODERS, RunFolder, load_into
from train.split import read_training_data
from train.train_classifier import train_classifier
from train.train_fpae import train_fpae

MODELS = ("coronet", *BASELINES)


@dataclass(frozen=True)
class TrainingOptions:
    """What a training needs beside its recipe."""

    data_dir: Path
    run_dir: Path
    model: str = "coronet"
    roots: Sequence[Path] = ()
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    cache_dir: Path | None = None  # for decoded images; default: inside the run, deleted when it is done
    tfen_run: Path | None = None  # take the autoencoders of this run instead of training them
    skip_unreadable: bool = False
    resume: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))


def train_run(recipe: Recipe, options: TrainingOptions) -> RunFolder:
    """Train what `options` asks for; under torchrun, every process calls this.

    Raises:
        DataError: the data cannot be used.
        RunError: the run folder is in use by another run, of another version, or its settings differ.
    """
    run = RunFolder(options.run_dir)
    compute = choose_compute(options.device, options.precision)
    compute = Compute(local_device(compute.device), compute.bfloat16)
    with workers(compute.device) as place:
        train, validation = _open_data(recipe, options, run, place)
        if options.model == "coronet":
            _train_autoencoders(recipe, options, run, compute, place, train, validation)
            _train_cin(recipe, options, run, compute, place, train, validation)
        else:
            _train_baseline(recipe, options, run, compute, place, train, validation)
        if place.is_first:
            shutil.rmtree(run.cache, ignore_errors=True)
    return run


def _open_data(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, place: Workers
) -> tuple[ImageCache, ImageCache]:
    """Decode training and validation images once; the first process does it for all, and starts the run."""
    data = read_training_data(
        options.data_dir,
        options.roots,
        fraction=recipe.validation_fraction,
        seed=options.seed,
        missing_ok=options.skip_unreadable,
    )
    if place.is_first:
        _begin(recipe, options, run, _summary(options, data.train, data.validation, len(data.left_out)))
    place.wait()
    folder = options.cache_dir or run.cache
    caches: list[ImageCache] = []
    for turn in (place.is_first, not place.is_first):
        if turn:
            for examples in (data.train, data.validation):
                caches.append(open_cache(examples, recipe.image_size, folder, skip_unreadable=options.skip_unreadable))
        place.wait()
    for cache in caches:
        for path, reason in cache.skipped if place.is_first else ():
            options.console.print(f"skipped: {path}: {reason}", markup=False, soft_wrap=True)
        for name, count in class_counts(cache.examples).items():
            if count == 0:
                raise DataError(
                    f"{options.data_dir}: no readable images of class {name}; need some to train and to validate"
                )
    return caches[0], caches[1]


def _begin(recipe: Recipe, options: TrainingOptions, run: RunFolder, data: dict[str, Any]) -> None:
    """Create the run folder, or with --resume check that it was begun with the same settings."""
    settings = {
        "model": options.model,
        "recipe": recipe.as_dict(),
        "seed": options.seed,
        "data": data,
        "trained_on": data["kind"],
        "cin_trained": True,
        "autoencoders": f"run {options.tfen_run.name}" if options.tfen_run else "trained here",
    }
    if not options.resume:
        run.create(settings)
        return
    found = run.settings()
    for name in ("model", "recipe", "seed", "data"):
        if _plain(found.get(name)) != _plain(settings[name]):
            raise RunError(
                f"{run.path}: was begun with another {name}; --resume needs the command it was begun with, "
                "another training needs another --out"
            )


def _train_autoencoders(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute, place: Workers,
    train: ImageCache, validation: ImageCache,
) -> None:  # fmt: skip
    for name, label in zip(AUTOENCODERS, (HEALTHY, PNEUMONIA), strict=True):
        if run.weights_path(f"fpae_{name}").exists():
            continue
        if options.tfen_run:
            other = RunFolder(options.tfen_run)
            other.settings()
            load_into(FPAE(), other.load_weights(f"fpae_{name}"), other.weights_path(f"fpae_{name}"))
            if place.is_first:
                metrics = other.read_metrics().get(f"fpae_{name}", {})
                run.save_weights(f"fpae_{name}", other.load_weights(f"fpae_{name}"), metrics)
            place.wait()
            continue
        train_fpae(
            name, label, recipe, train, validation, run,
            compute=compute, place=place, seed=options.seed, console=options.console,
        )  # fmt: skip


def _train_cin(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute, place: Workers,
    train: ImageCache, validation: ImageCache,
) -> None:  # fmt: skip
    if run.weights_path("cin").exists():
        return
    autoencoders = []
    for name in AUTOENCODERS:
        autoencoders.append(FPAE())
        load_into(autoencoders[-1], run.load_weights(f"fpae_{name}"), run.weights_path(f"fpae_{name}"))
    tfen = compute.prepare(TFEN(*autoencoders).eval().requires_grad_(False))
    settings = recipe.cin
    inputs = []
    for part, images, variants in (("train", train, settings.variants), ("validation", validation, 1)):
        for turn in (place.is_first, not place.is_first):  # the first process makes the files
            if turn:
                folder = run.cache / "residuals" / part
                inputs.append(
                    residual_inputs(images, settings.augmentation, variants, options.seed, compute, tfen, folder)
                )
            place.wait()
    torch.manual_seed(options.seed)
    network = CIN()
    _start(network, "resnet18", recipe, options, run, place)
    if settings.normalise:
        network.residual_mean, network.residual_std = inputs[0].moments(options.seed)
    _train(network, "cin", recipe, options, run, compute, place, *inputs)


def _train_baseline(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute, place: Workers,
    train: ImageCache, validation: ImageCache,
) -> None:  # fmt: skip
    if run.weights_path(options.model).exists():
        return
    settings = recipe.cin
    inputs = [ClassifierInputs(images, settings.augmentation, options.seed, compute) for images in (train, validation)]
    torch.manual_seed(options.seed)
    model = XrayResNet(options.model)
    _start(model.network, options.model, recipe, options, run, place)
    if settings.normalise:
        model.input_mean, model.input_std = inputs[0].moments(options.seed)
    _train(model, options.model, recipe, options, run, compute, place, *inputs)


def _start(
    network: nn.Module, kind: str, recipe: Recipe, options: TrainingOptions, run: RunFolder, place: Workers
) -> None:
    """Give the classifier its starting weights; run.json keeps what they really were."""
    done = start_weights(network, kind, recipe.cin.init)
    if place.is_first:
        run.write_json("run.json", run.settings() | {"classifier_start": done})
        options.console.print(f"classifier starts from: {done}", markup=False, soft_wrap=True)


def _train(
    network: nn.Module, name: str, recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute,
    place: Workers, train: ClassifierInputs, validation: ClassifierInputs,
) -> None:  # fmt: skip
    prepared = compute.prepare(synchronise_batch_norm(network, place))
    train_classifier(
        name, prepared, recipe.cin, train, validation, run,
        compute=compute, place=place, seed=options.seed, console=options.console,
    )  # fmt: skip


def _summary(
    options: TrainingOptions, train: Sequence[Any], validation: Sequence[Any], left_out: int
) -> dict[str, Any]:
    """What run.json says of the data."""
    return {
        **describe_data(options.data_dir, options.roots),
        "train": class_counts(train),
        "validation": class_counts(validation),
        "left_out_patient_in_test": left_out,
        "class_names": list(CLASS_NAMES),
    }


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON gives them back."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
