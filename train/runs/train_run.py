"""A whole training: data, two autoencoders, residuals, classifier, in one run folder; continues where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from model_src.classes import HEALTHY, PNEUMONIA
from model_src.errors import DataError
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.classifier_inputs import ClassifierInputs, residual_inputs
from train.data.data_dir import class_counts
from train.data.image_cache import ImageCache, open_cache
from train.data.split import TrainingData, image_list, read_training_data
from train.device import Compute, choose_compute
from train.distributed import Workers, local_device, synchronise_batch_norm, workers
from train.recipe import CinRecipe, Recipe
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_into
from train.runs.run_record import check_resumed, describe_run, describe_training_data, image_folders, record_decoded
from train.stages.baselines import BASELINES, XrayResNet
from train.stages.imagenet import start_weights
from train.stages.teacher import teacher_answers
from train.stages.train_classifier import train_classifier
from train.stages.train_fpae import train_fpae

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
    cache_dir: Path | None = None  # for decoded images, kept, and residuals, deleted; default: inside the run
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
    data = read_training_data(
        options.data_dir,
        options.roots,
        fraction=recipe.validation_fraction,
        seed=options.seed,
        missing_ok=options.skip_unreadable,
    )
    with workers(compute.device) as place, _begun(recipe, options, run, compute, place, data):
        train, validation = _open_images(recipe, options, run, place, data)
        if options.model == "coronet":
            _train_autoencoders(recipe, options, run, compute, place, train, validation)
            _train_cin(recipe, options, run, compute, place, train, validation)
        else:
            _train_baseline(recipe, options, run, compute, place, train, validation)
        if place.is_first:
            for folder in (run.cache, _residual_folder(options, run)):
                shutil.rmtree(folder, ignore_errors=True)
    return run


@contextmanager
def _begun(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute, place: Workers, data: TrainingData
) -> Iterator[None]:
    """The first process creates the run folder, or with --resume checks it, and holds it for all while they train."""
    if not place.is_first:
        place.wait()
        yield
        return
    described = describe_training_data(options.data_dir, options.roots, data)
    settings = describe_run(recipe, options.model, options.seed, compute, options.tfen_run, described, image_list(data))
    if options.resume:
        check_resumed(run, settings, options.console)
    with run.held():
        if not options.resume:
            run.create(settings)
        place.wait()
        yield


def _open_images(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, place: Workers, data: TrainingData
) -> tuple[ImageCache, ImageCache]:
    """Decode training and validation images once; the first process does it for all, and records what it left out."""
    folder = options.cache_dir or run.cache
    caches: list[ImageCache] = []
    for turn in (place.is_first, not place.is_first):
        if turn:
            for examples in (data.train, data.validation):
                caches.append(open_cache(examples, recipe.image_size, folder, skip_unreadable=options.skip_unreadable))
        place.wait()
    train, validation = caches
    if place.is_first:
        record_decoded(run, train, validation, image_folders(options.data_dir, options.roots))
        skipped = [*train.skipped, *validation.skipped]
        for path, reason in skipped:
            options.console.print(f"skipped: {path}: {reason}", markup=False, soft_wrap=True)
        if skipped:
            options.console.print(
                f"{len(skipped)} unreadable images left out, listed in run.json; "
                f"{len(train)} to train on and {len(validation)} to validate on remain"
            )
    for cache in caches:
        for name, count in class_counts(cache.examples).items():
            if count == 0:
                raise DataError(
                    f"{options.data_dir}: no readable images of class {name}; need some to train and to validate"
                )
    return train, validation


def _residual_folder(options: TrainingOptions, run: RunFolder) -> Path:
    """Where this run's residuals lie: with the decoded images, but in a folder that no other run looks at."""
    name = run.settings().get("id")
    return options.cache_dir / f"residuals-{name}" if options.cache_dir and name else run.cache / "residuals"


def _train_autoencoders(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, compute: Compute, place: Workers,
    train: ImageCache, validation: ImageCache,
) -> None:  # fmt: skip
    finished = [name for name in AUTOENCODERS if run.weights_path(f"fpae_{name}").exists()]
    place.wait()  # until all have looked, before the first process writes
    for name, label in zip(AUTOENCODERS, (HEALTHY, PNEUMONIA), strict=True):
        if name in finished:
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
    settings, served = recipe.cin, Compute(compute.device, bfloat16=False)
    # Validation judges what will be served, whose residuals are in float32 whatever training computes in.
    parts = (
        ("train", train, settings.variants_shown, compute, settings.mixup),
        ("validation", validation, 1, served, 0.0),
    )
    inputs = []
    for part, images, variants, precision, mixup in parts:
        for turn in (place.is_first, not place.is_first):  # the first process makes the files
            if turn:
                folder = _residual_folder(options, run) / part
                kind, seed = settings.augmentation, options.seed
                inputs.append(residual_inputs(images, kind, variants, seed, precision, tfen, folder, mixup))
            place.wait()
    _ask_teacher(inputs[0], settings, options, run, place)
    torch.manual_seed(options.seed)
    network = CIN()
    if not run.checkpoint_path("cin").exists():
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
    inputs = [
        ClassifierInputs(images, settings.augmentation, options.seed, compute, mixup)
        for images, mixup in ((train, settings.mixup), (validation, 0.0))
    ]
    _ask_teacher(inputs[0], settings, options, run, place)
    torch.manual_seed(options.seed)
    model = XrayResNet(options.model)
    if not run.checkpoint_path(options.model).exists():
        _start(model.network, options.model, recipe, options, run, place)
        if settings.normalise:
            model.input_mean, model.input_std = inputs[0].moments(options.seed)
    _train(model, options.model, recipe, options, run, compute, place, *inputs)


def _ask_teacher(
    inputs: ClassifierInputs, settings: CinRecipe, options: TrainingOptions, run: RunFolder, place: Workers
) -> None:
    """Make a teacher's answers the targets, if the recipe has one; the first process asks for all."""
    for turn in (place.is_first, not place.is_first):
        if turn and settings.teacher != "none":
            path = _residual_folder(options, run) / "teacher.npy"
            inputs.answers = teacher_answers(inputs, settings.variants_shown, path)
        place.wait()


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
