"""A run's beginning, or its being taken up again: what is asked for must be what the folder holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from model_src.errors import ArtefactError, DataError, RunError
from model_src.file_digest import file_digest
from scoring.listing import identified
from scoring.manifest import write_manifest
from scoring.options import GPU_BATCH, SHARD_FILMS, ScoreOptions
from scoring.probe import ProbedModel, probe
from scoring.reading import FilmReader
from scoring.run_folder import RunFolder, RunRecord
from scoring.settings import ScoreSettings, versions_here
from scoring.sources.folders import address_of, local_path
from scoring.sources.registry import open_source
from scoring.sources.source import Source


def begin(folder: RunFolder, options: ScoreOptions, say: Callable[[str], None]) -> tuple[RunRecord, bool]:
    """The run's record, and whether it was there before.

    Raises:
        RunError, DataError, ArtefactError: the folder holds a run of another model, other sources or other settings; or
            what is needed to begin one is missing or wrong.
        SourceLost: a source does not answer.
        OSError: the disk is full, among others.
    """
    record = folder.record()
    if record is not None:
        _check_same(folder, record, options)
        return record, True
    return _first(folder, options, say), False


def opened(names: list[str], options: ScoreOptions) -> list[Source]:
    """The sources of a run."""
    return [open_source(name, options.access) for name in names]


def _first(folder: RunFolder, options: ScoreOptions, say: Callable[[str], None]) -> RunRecord:
    if not options.sources or options.model is None:
        raise DataError(f"{folder.path}: holds no run yet: name SOURCE and --model to begin one")
    names = [_absolute(name) for name in options.sources]
    sources = opened(names, options)
    say("opening the model ...")
    settings, model = _probed(options.model, options)
    digest = folder.keep_model(options.model)
    identify, shard_films = options.identify or "content", options.shard_films or SHARD_FILMS
    how = "reading every film once" if identify == "content" else "by size and time of change"
    say(f"listing the films ({how}) ...")
    films = identified(sources, FilmReader(options.access), identify, lambda count: say(f"{count:,} films ..."))
    facts = write_manifest(films, folder.manifest, shard_films)
    record = RunRecord(
        sources=names,
        identify=identify,
        model=digest,
        model_name=options.model.name,
        settings=settings,
        films=facts.films,
        shard_films=shard_films,
        manifest=file_digest(folder.manifest),
        shards=facts.shards,
        residuals=model.residuals,
        warnings=list(model.warnings),
    )
    folder.begin(record)
    say(f"{facts.films:,} films in {len(facts.shards):,} shards")
    return record


def _probed(archive: Path, options: ScoreOptions) -> tuple[ScoreSettings, ProbedModel]:
    """What workers will be told, and the model that they will open."""
    device, threads = options.device or "cpu", options.threads or 1
    batch = options.batch or (GPU_BATCH if device == "cuda" else 1)
    method = options.explain.method if options.explain else None
    found = probe(archive, device=device, threads=threads, batch=batch, method=method)
    settings = ScoreSettings(
        engine=found.engine,
        precision=found.precision,
        device=device,
        threads=threads,
        batch=batch,
        explain=options.explain,
        versions=versions_here(),
    )
    return settings, found


def _check_same(folder: RunFolder, record: RunRecord, options: ScoreOptions) -> None:
    """Raises RunError where something else is asked for than what the run was begun with."""
    if options.model is not None:
        _check_same_model(folder, record, options.model)
    if options.sources and (names := [_absolute(name) for name in options.sources]) != record.sources:
        raise RunError(
            f"{folder.path}: was begun with the sources {', '.join(record.sources)}, found {', '.join(names)}; "
            "choose another --out"
        )
    asked = {name: getattr(options, name) for name in ("device", "threads", "batch", "explain")}
    given = {name: value for name, value in asked.items() if value is not None}
    differences = record.settings.differences(replace(record.settings, versions=versions_here(), **given))
    for name, value in (("shard_films", options.shard_films), ("identify", options.identify)):
        if value not in (None, begun_with := getattr(record, name)):
            differences.append(f"--{name.replace('_', '-')} {value} where it was begun with {begun_with}")
    if differences:
        raise RunError(f"{folder.path}: found {'; '.join(differences)}; ask for the same, or choose another --out")


def _check_same_model(folder: RunFolder, record: RunRecord, archive: Path) -> None:
    try:
        given = file_digest(archive)
    except OSError as error:
        raise ArtefactError(f"{archive}: cannot be read ({error.strerror})") from None
    if given != record.model:
        raise RunError(
            f"{folder.path}: was begun with the model {record.model_name} (SHA-256 {record.model[:16]}...), found "
            f"{archive} ({given[:16]}...); answers of two models never share a folder: choose another --out"
        )


def _absolute(name: str) -> str:
    """A source's name that holds in any folder."""
    path = local_path(name) if "+" not in name.partition("://")[0] else None
    return name if path is None else address_of(path)
