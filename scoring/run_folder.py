"""DIR of `coronet score`: what is in it, and who may have it.

    run.json           what the run is: written last, once everything before it is there
    model.mar          a copy of the archive: all that other machines need is this folder
    manifest.parquet   the films, shard by shard
    parts/SHARD-HASH.parquet   the answers and errors of a shard; HASH is of the shard, the model and the settings
    summary.html, summary.json   once no part is missing
    lock               held by the process that works here; its end, however it comes, lets the lock go

Which parts are missing is all that there is to know to go on.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from model_src.atomic import atomic_write, require_writable
from model_src.classes import RESEARCH_USE
from model_src.errors import OutputError, RunError
from model_src.file_digest import file_digest
from model_src.validation import refusal
from scoring.listing import Identify
from scoring.manifest import MANIFEST_NAME
from scoring.settings import ScoreSettings, versions_here

KIND = "coronet score"
FORMAT_VERSION = 1
_RECORD, MODEL_NAME, _PARTS, _LOCK = "run.json", "model.mar", "parts", "lock"
_SUMMARY = ("summary.html", "summary.json")
_OURS = {MANIFEST_NAME, MODEL_NAME, _PARTS, _LOCK, *_SUMMARY}
_HASH_DIGITS = 16


@dataclass(frozen=True)
class RunRecord:
    """What run.json holds."""

    sources: list[str]  # as they were named
    identify: Identify
    model: str  # SHA-256 of model.mar
    model_name: str  # as it was named
    settings: ScoreSettings
    films: Annotated[int, Field(ge=1)]
    shard_films: Annotated[int, Field(ge=1)]
    manifest: str  # SHA-256 of manifest.parquet
    shards: list[str]  # digests
    kind: str = KIND
    format_version: int = FORMAT_VERSION
    research_use: str = RESEARCH_USE
    residuals: tuple[float, float] | None = None  # of a typical validation film of the model; None: not known
    warnings: list[str] = field(default_factory=list)  # what every answer of the model must say

    def part_name(self, shard: int) -> str:
        """Of the shard's part: the same on every machine and in every run with the same films, model and settings."""
        text = f"{self.shards[shard]} {self.settings.digest(self.model)}"
        return f"{shard:06d}-{hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]}.parquet"

    def films_in(self, shard: int) -> int:
        """How many films the shard has."""
        return min(self.shard_films, self.films - shard * self.shard_films)


_RECORD_TYPE = TypeAdapter(RunRecord)


class RunFolder:
    """One DIR."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / MANIFEST_NAME
        self.model = path / MODEL_NAME
        self.parts = path / _PARTS

    def prepare(self) -> None:
        """Make the folder, and see that it is one that a run may have.

        Raises:
            OutputError: it cannot be written, or holds something else.
        """
        require_writable(self.path, "--out", folder=True)
        self.path.mkdir(parents=True, exist_ok=True)
        if (self.path / _RECORD).exists():
            return
        others = sorted(each.name for each in self.path.iterdir() if not self._is_ours(each.name))
        if others:
            raise OutputError(
                f"--out {self.path}: holds {others[0]}, which is of no earlier run; choose a new or empty folder"
            )

    def record(self) -> RunRecord | None:
        """What the run is; None before it has begun.

        Raises:
            RunError: run.json is damaged, or of another version.
        """
        path = self.path / _RECORD
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            facts = json.loads(text)
            version = (facts.get("kind"), facts.get("format_version")) if isinstance(facts, dict) else None
            if version != (KIND, FORMAT_VERSION):
                raise RunError(f"{path}: not of this version of coronet score; choose a new folder for --out")
            return _RECORD_TYPE.validate_json(text)
        except ValidationError as error:
            raise RunError(f"{path}: {refusal(error, RunRecord)}; choose a new folder for --out") from None
        except ValueError:
            raise RunError(f"{path}: not whole; choose a new folder for --out") from None

    def begun(self) -> RunRecord:
        """The record of a run that this machine can take part in.

        Raises:
            RunError: there is none, or it was begun with other versions of what makes answers.
        """
        record = self.record()
        if record is None:
            raise RunError(f"{self.path}: holds no run.json; begin with: coronet score SOURCE --model MAR --out ...")
        here = replace(record.settings, versions=versions_here())
        if differences := record.settings.differences(here):
            raise RunError(
                f"{self.path}: this machine has {'; '.join(differences)}: parts would differ; install those versions"
            )
        return record

    def begin(self, record: RunRecord) -> None:
        """Write run.json: from now on the run can be taken up by anybody."""
        self.parts.mkdir(exist_ok=True)
        self._write(_RECORD, json.dumps(asdict(record), indent=1, ensure_ascii=False).encode() + b"\n")

    def keep_model(self, archive: Path) -> str:
        """Copy the archive here; its SHA-256."""
        with atomic_write(self.model, durable=True) as temporary:
            shutil.copyfile(archive, temporary)
        return file_digest(self.model)

    def missing(self, record: RunRecord) -> list[int]:
        """The numbers of the shards without a part, in order."""
        there = {each.name for each in os.scandir(self.parts)} if self.parts.is_dir() else set()
        return [shard for shard in range(len(record.shards)) if record.part_name(shard) not in there]

    def part(self, record: RunRecord, shard: int) -> Path:
        """Where the shard's part is, or will be."""
        return self.parts / record.part_name(shard)

    def write_summary(self, page: str, facts: dict[str, Any]) -> None:
        """summary.html and summary.json."""
        self._write(_SUMMARY[0], page.encode())
        self._write(_SUMMARY[1], json.dumps(facts, indent=1, allow_nan=False, ensure_ascii=False).encode() + b"\n")

    def remove_leftovers(self) -> None:
        """Remove what processes that were killed had begun to write. For who has the folder alone."""
        for folder in (self.path, self.parts):
            for each in folder.glob(".*") if folder.is_dir() else ():
                if each.is_file() and not each.name.startswith(".lock-"):
                    each.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the folder for this process alone, inside.

        Raises:
            OutputError: another process works in it.
        """
        with self._lock(_LOCK, fcntl.LOCK_EX):
            yield

    @contextmanager
    def one_of(self, index: int, count: int) -> Iterator[None]:
        """Have one share of the folder, inside: others may have the other shares at the same time.

        Raises:
            OutputError: a run without shares works in it, or another process has this share.
        """
        with self._lock(_LOCK, fcntl.LOCK_SH), self._lock(f".lock-{index}-of-{count}", fcntl.LOCK_EX):
            yield

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """One share after the other, inside: the first makes the manifest, the others wait for it here."""
        with self._lock(".lock-manifest", fcntl.LOCK_EX, wait=True):
            yield

    @contextmanager
    def _lock(self, name: str, kind: int, wait: bool = False) -> Iterator[None]:
        with self._open_lock(name) as file:
            try:
                fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"--out {self.path}: another 'coronet score' works in this folder; wait for it, stop it, "
                    "or choose another"
                ) from None
            yield

    def _open_lock(self, name: str) -> IO[str]:
        return (self.path / name).open("a")

    def _write(self, name: str, content: bytes) -> None:
        with atomic_write(self.path / name, durable=True) as temporary:
            temporary.write_bytes(content)

    @staticmethod
    def _is_ours(name: str) -> bool:
        return name in _OURS or name.startswith((".lock-", ".manifest-", ".model-", ".run-", ".summary-"))
