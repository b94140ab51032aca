"""A whole training in one run folder: refuse what cannot go well, open the images, then stage by stage."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from model_src.atomic import require_writable
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError, RunError
from train.calibration.calibrate import calibrate_run
from train.calibration.wording import sentences
from train.data.data_dir import describe_data, folder_of
from train.data.examples import NOT_COVID, class_counts, source_counts
from train.data.files import below_first
from train.data.image_cache import ImageCache, open_cache
from train.data.sampling import draw_films
from train.data.several import as_paths, listed
from train.data.split import TrainingData, image_list, not_covid_list, read_training_data
from train.device import Compute, choose_compute
from train.rank import Rank, joined_ranks, local_device
from train.recipe import Recipe
from train.runs.run_folder import RunFolder
from train.runs.run_record import DataSummary, DecodedImages, RunRecord, check_same_training, describe_run
from train.session import TrainingOptions, TrainingSession
from train.stages.autoencoders import check_autoencoders, train_autoencoders
from train.stages.baselines import BASELINES
from train.stages.classifier import check_batches, train_classifier
from train.stages.start_weights import check_start_weights

MODELS = ("coronet", *BASELINES)


def train_run(recipe: Recipe, options: TrainingOptions) -> RunFolder:
    """Train what `options` asks for; under torchrun, every process calls this. Continues where it stopped.

    Raises:
        DataError: the data cannot be used.
        RunError: the run folder is in use by another run, of another version, or its settings differ; or weights
            to start from cannot be used. All of this is found before anything is decoded or trained.
    """
    run = RunFolder(options.run_dir)
    compute = choose_compute(options.device, options.precision)
    compute = Compute(local_device(compute.device), compute.bfloat16)
    _refuse_early(recipe, options, run)
    data = read_training_data(
        options.data_dirs,
        options.roots,
        fraction=recipe.validation_fraction,
        seed=options.seed,
        missing_ok=options.skip_unreadable,
        reads=options.reads,
        not_covid=options.not_covid,
    )
    record = _describe(recipe, options, compute, data)
    with joined_ranks(compute.device) as rank, _held(run, record, options, rank):
        if rank.is_first:
            _say_what_was_read(data, options)
        images = _open_images(recipe, options, run, rank, data)
        session = TrainingSession(recipe, options, run, compute, rank, *images)
        shown = draw_films(
            session.train.examples, recipe.cin.sampling, recipe.cin.films_per_epoch, epoch=0, seed=session.seed
        )  # fmt: skip
        check_batches(len(shown), recipe.cin.batch_size, recipe.image_size)
        if options.model == "coronet":
            train_autoencoders(session)
        train_classifier(session)
        if rank.is_first:
            if options.model == "coronet":
                _calibrate(session)
            for folder in (run.cache, session.residual_folder):
                shutil.rmtree(folder, ignore_errors=True)
    return run


def _calibrate(session: TrainingSession) -> None:
    """Write calibration.json from the validation films, and say what it cannot say."""
    calibration = calibrate_run(session.run, session.validation, session.compute.device)
    for line in sentences(calibration):
        session.console.print(line, markup=False, soft_wrap=True)


def _refuse_early(recipe: Recipe, options: TrainingOptions, run: RunFolder) -> None:
    """Raise RunError or OutputError for what would otherwise be found out after hours: folders, starting weights."""
    if options.resume:
        run.record()
    else:
        run.check_free()
    require_writable(options.run_dir, "--out", folder=True)
    if options.cache_dir:
        require_writable(options.cache_dir, "--cache-dir", folder=True)
    check_autoencoders(options)
    check_start_weights(options.model, recipe.cin.network, recipe.cin.init)


def _describe(recipe: Recipe, options: TrainingOptions, compute: Compute, data: TrainingData) -> RunRecord:
    """What run.json says of the training before any image is decoded."""
    summary = DataSummary(
        **describe_data(options.data_dirs, options.roots),
        train=class_counts(data.train),
        validation=class_counts(data.validation),
        left_out_patient_in_test=len(data.left_out),
        class_names=list(CLASS_NAMES),
        train_sources=source_counts([example for example in data.train if example.label != NOT_COVID]),
        not_covid=dict(Counter(e.source for e in data.train if e.label == NOT_COVID)) or None,
        not_covid_list=not_covid_list(data),
        reads=asdict(data.corrected) if data.corrected else None,
    )
    return describe_run(
        recipe, options.model, options.seed, compute, options.tfen_run, summary, image_list(data)
    )  # fmt: skip


def _say_what_was_read(data: TrainingData, options: TrainingOptions) -> None:
    """What a user should know of the films before hours are spent on them."""
    lines = list(data.notes)
    if data.left_out:
        lines.append(
            f"{len(data.left_out):,} training films left out: their patients are in a test split, or a given "
            "validation split"
        )
    if data.corrected:
        lines.append(data.corrected.sentence)
    for line in lines:
        options.console.print(line, markup=False, soft_wrap=True)


@contextmanager
def _held(run: RunFolder, record: RunRecord, options: TrainingOptions, rank: Rank) -> Iterator[None]:
    """The first process creates the run folder, or with --resume checks it, and holds it for all while they train."""
    if not rank.is_first:
        rank.wait()
        yield
        return
    if options.resume:
        for change in check_same_training(run.path, run.record(), record):
            options.console.print(change, markup=False, soft_wrap=True)
    with run.held():
        if not options.resume:
            run.create(record)
        rank.wait()
        yield


def _open_images(
    recipe: Recipe, options: TrainingOptions, run: RunFolder, rank: Rank, data: TrainingData
) -> tuple[ImageCache, ImageCache]:
    """Decode training and validation images once; the first process does it for all, and records what it left out."""
    folder = options.cache_dir or run.cache
    with rank.first_then_rest():
        train, validation = (
            open_cache(examples, recipe.image_size, folder, skip_unreadable=options.skip_unreadable)
            for examples in (data.train, data.validation)
        )
    if rank.is_first:
        _record_decoded(run, train, validation, options)
    for cache in (train, validation):
        for name, count in class_counts(cache.examples).items():
            if count == 0:
                raise DataError(
                    f"{listed(as_paths(options.data_dirs))}: no readable images of class {name}; need some to train "
                    "and to validate"
                )
    return train, validation


def _record_decoded(run: RunFolder, train: ImageCache, validation: ImageCache, options: TrainingOptions) -> None:
    """Add to run.json how many images could be read and which could not, and say it.

    Raises:
        RunError: the run has begun with other images.
    """
    skipped = [*train.skipped, *validation.skipped]
    # Images are named without where their folders lie: run.json travels with a model.
    folders = [*map(folder_of, as_paths(options.data_dirs)), *options.roots]
    decoded = DecodedImages(
        train=class_counts(train.examples),
        validation=class_counts(validation.examples),
        skipped={below_first(path, folders): reason for path, reason in skipped},
    )
    record = run.record()
    before = record.decoded or decoded
    if run.begun and (changed := sorted(before.skipped.keys() ^ decoded.skipped.keys())):
        raise RunError(
            f"{run.path}: was begun without {len(before.skipped)} unreadable images, now there are "
            f"{len(decoded.skipped)} (changed: {', '.join(changed[:3])}); put them back as they were, "
            "or train again with another --out"
        )
    run.write_record(record.changed(decoded=decoded))
    for path, reason in skipped:
        options.console.print(f"skipped: {path}: {reason}", markup=False, soft_wrap=True)
    if skipped:
        options.console.print(
            f"{len(skipped)} unreadable images left out, listed in run.json; "
            f"{len(train)} to train on and {len(validation)} to validate on remain"
        )
