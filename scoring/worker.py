"""Scores shards: films are read and decoded ahead in threads, classified here, and written behind by another thread.

The same code runs in a local process, in a task of Ray and in a pod of Kubernetes; all that it needs is the run's
folder and the films.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from inference.failures import is_device_lost
from inference.results import Prediction
from model_src.engines.settings import EngineSettings
from model_src.errors import RequestError, RunError
from model_src.imaging.dicom.parse import is_dicom
from model_src.imaging.xray import Xray
from scoring.explaining import ExplainedTogether
from scoring.failures import FilmError, FilmRemoved, SourceLost, WorkerLost
from scoring.film import Film
from scoring.manifest import read_shard, shard_digest
from scoring.model import explain_options, open_model
from scoring.part import count, part_bytes, write_part
from scoring.reading import FilmReader, digest, sop_instance_uid
from scoring.run_folder import RunFolder
from scoring.scored_film import Error, ScoredFilm, error_of, unforeseen
from scoring.sources.pacs import PacsAccess
from scoring.tasks import Listener, PartDone, Task

logger = logging.getLogger(__name__)

_DECODERS = 2  # threads: while one waits for a disk or network, the other decodes
_AHEAD = 8  # films decoded before they are classified, of one worker without a GPU
_SIGNATURE = 512  # bytes
_NO_PIXELS = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class _Decoded:
    """A film, read and decoded; or why not."""

    row: int
    film: Film
    size: int | None = None
    sha256: str | None = None
    sop_instance_uid: str | None = None
    found: Xray | Error = field(kw_only=True)

    def scored(self, answer: Prediction | Error) -> ScoredFilm:
        """Its row."""
        return ScoredFilm(self.row, self.film, self.size, self.sha256, self.sop_instance_uid, answer)


class Worker:
    """The model of a run, loaded once, and what scores shards with it.

    Args:
        folder: of the run, which has begun.
        access: of a PACS.
        accept_removed: whether all films of a shard may be gone.

    Raises:
        RunError: this machine has other versions than the run was begun with.
        ArtefactError: the model cannot be loaded here.
    """

    def __init__(self, folder: Path, access: PacsAccess = PacsAccess(), accept_removed: bool = False) -> None:  # noqa: B008
        self._folder = RunFolder(folder)
        self._record = self._folder.begun()
        self._accept_removed = accept_removed
        settings = self._record.settings
        self._digest = settings.digest(self._record.model)
        self._reader = FilmReader(access)
        self._predictor = open_model(
            self._folder.model,
            device=settings.device,
            threads=settings.threads,
            batch=settings.batch,
            explains=settings.explain is not None,
            engine=EngineSettings(settings.engine, settings.precision),
            sha256=self._record.model,
        )
        self._options = explain_options(self._predictor, settings.explain) if settings.explain else None

    def score(self, tasks: Iterable[Task], listener: Listener) -> None:
        """Score shards one after the other; while one is written, the films of the next are scored already.

        Raises:
            SourceLost: a source does not answer.
            OSError: a part cannot be written.
            RunError: the manifest is damaged.
        """
        written: Future[None] = Future()
        written.set_result(None)

        def check() -> None:
            if written.done():
                written.result()

        with ThreadPoolExecutor(1, "coronet-write") as writer, ThreadPoolExecutor(_DECODERS, "coronet-read") as readers:
            for task in tasks:
                rows = self._score(task, readers, listener, check)
                written.result()
                written = writer.submit(self._write, task.shard, rows, listener)
            written.result()

    def _write(self, shard: int, rows: list[ScoredFilm], listener: Listener) -> None:
        write_part(self._folder.part(self._record, shard), part_bytes(rows, self._digest))
        listener.part(PartDone(shard, count(rows)))

    def _score(
        self, task: Task, readers: ThreadPoolExecutor, listener: Listener, check: Callable[[], None]
    ) -> list[ScoredFilm]:
        films = read_shard(self._folder.manifest, task.shard)
        if shard_digest(films) != self._record.shards[task.shard]:
            raise RunError(f"{self._folder.manifest}: not the one of run.json; begin again in a new folder")
        first = task.shard * self._record.shard_films
        rows: list[ScoredFilm] = []
        explained = ExplainedTogether(self._predictor, self._options)
        decoded = (
            self._carefully(task, films, first, listener) if task.careful else self._ahead(task, films, first, readers)
        )
        while batch := list(islice(decoded, self._predictor.batch)):
            check()
            scored = self._classify(batch)
            for row, each in zip(scored, batch, strict=True):
                rows.append(row)
                if self._wants_map(row) and isinstance(each.found, Xray):
                    explained.add(len(rows) - 1, each.found, rows)
            listener.films(task.shard, count(scored))
        explained.finish(rows)
        if not self._accept_removed and all(row.error and row.error.kind == FilmRemoved.__name__ for row in rows):
            raise SourceLost(
                f"all {len(rows):,} films of a shard are gone, the first is {films[0].address}: see whether the source "
                "is there and go on, or say --accept-removed"
            )
        return rows

    def _ahead(self, task: Task, films: Sequence[Film], first: int, readers: ThreadPoolExecutor) -> Iterator[_Decoded]:
        """The films in order, some of them decoded before they are asked for."""
        waiting = iter(enumerate(films, first))
        running: deque[Future[_Decoded]] = deque()
        try:
            while True:
                for row, film in islice(waiting, _AHEAD + self._predictor.batch - len(running)):
                    running.append(readers.submit(self._decode, task, row, film))
                if not running:
                    return
                yield running.popleft().result()
        finally:
            for each in running:
                each.cancel()

    def _carefully(self, task: Task, films: Sequence[Film], first: int, listener: Listener) -> Iterator[_Decoded]:
        """The films in order, one at a time."""
        for row, film in enumerate(films, first):
            if row not in task.lost:
                listener.reading(task, row)
            yield self._decode(task, row, film)

    def _decode(self, task: Task, row: int, film: Film) -> _Decoded:
        if row in task.lost:
            return _Decoded(row, film, found=error_of(WorkerLost("a process that read this film died of it, twice")))
        try:
            content = self._reader.read(film)
        except FilmError as error:
            return _Decoded(row, film, found=error_of(error))
        sha256 = str(film.identity).removeprefix("sha256:") if str(film.identity)[:7] == "sha256:" else digest(content)
        uid = sop_instance_uid(content) if is_dicom(content[:_SIGNATURE]) else None
        return _Decoded(row, film, len(content), sha256, uid, found=self._xray(content))

    def _xray(self, content: bytes) -> Xray | Error:
        try:
            # Only the network's input is kept: a shard of large films would fill the memory.
            return dataclasses.replace(self._predictor.read(content), pixels=_NO_PIXELS)
        except RequestError as error:
            return error_of(error)
        except Exception as error:
            return unforeseen(error)

    def _classify(self, batch: Sequence[_Decoded]) -> list[ScoredFilm]:
        xrays = [each.found for each in batch if isinstance(each.found, Xray)]
        answers = iter(self._predict(xrays) if xrays else [])
        return [each.scored(each.found if isinstance(each.found, Error) else next(answers)) for each in batch]

    def _predict(self, xrays: list[Xray]) -> list[Prediction | Error]:
        try:
            found = self._predictor.predict(xrays)
        except Exception as error:
            if is_device_lost(error):
                raise
            if len(xrays) == 1:
                return [unforeseen(error)]
            return [answer for xray in xrays for answer in self._predict([xray])]
        return [error_of(each) if isinstance(each, RequestError) else each for each in found]

    def _wants_map(self, row: ScoredFilm) -> bool:
        explain, answer = self._record.settings.explain, row.prediction
        if explain is None or answer is None:
            return False
        return explain.rule is None or explain.rule.takes(answer.label, answer.probabilities[answer.label])
