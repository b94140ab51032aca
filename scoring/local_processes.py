"""Workers as processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from model_src.errors import CoroNetError, RunError
from model_src.private_log import error_location, shorten_warnings
from scoring.backend import Report, WorkerOrder
from scoring.part import PartCounts, read_counts
from scoring.run_folder import RunFolder
from scoring.suspects import Suspects
from scoring.tasks import Listener, PartDone, Task

_TELL_EVERY = 0.25  # seconds between two messages about films
_TICK = 0.5
_LOADS = 3  # deaths in a row before a model is loaded


class LocalProcesses:
    """So many processes; each takes the next shard when it has none.

    They are forked from one that has the imports already, so that the second costs no second import.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        """As `Backend.run`."""
        pool = _Pool(order, shards, report)
        try:
            pool.run(min(self._workers, len(shards)))
        finally:
            pool.stop()


class _Process:
    """A worker process and what it has to do."""

    def __init__(self, context: multiprocessing.context.ForkServerContext, order: WorkerOrder) -> None:
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, order), daemon=True)
        self._process.start()
        theirs.close()
        self.loaded = False
        self.tasks: list[Task] = []  # the last is being scored, one before it may still be written
        self.reading: int | None = None

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        self._process.join()
        self.connection.close()
        return self._process.exitcode or 0

    def stop(self) -> None:
        """End it now."""
        self._process.kill()
        self.ended()


class _Pool:
    def __init__(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        self._order = order
        self._folder = RunFolder(order.folder)
        self._record = self._folder.begun()
        self._pending = deque(shards)
        self._report = report
        self._suspects = Suspects()
        self._processes: list[_Process] = []
        self._failed_loads = 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["scoring.worker"])

    def run(self, workers: int) -> None:
        self._start(workers)
        while self._processes:
            ready = wait([each.connection for each in self._processes], timeout=_TICK)
            for process in [each for each in self._processes if each.connection in ready]:
                try:
                    message = process.connection.recv()
                except (EOFError, OSError):  # it ended, perhaps in the middle of a message
                    self._over(process)
                else:
                    self._understand(process, *message)
            self._report.tick()
            if self._pending and len(self._processes) < min(workers, len(self._pending)):
                self._start(1)

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    def _start(self, workers: int) -> None:
        self._processes += [_Process(self._context, self._order) for _ in range(workers)]

    def _understand(self, process: _Process, what: str, value: Any = None) -> None:
        if what == "next":
            process.loaded, self._failed_loads = True, 0
            self._hand_over(process)
        elif what == "films":
            self._report.films(*value)
        elif what == "reading":
            process.reading = value
        elif what == "part":
            process.tasks = [task for task in process.tasks if task.shard != value.shard]
            self._report.part(value)
        elif what == "failed":
            raise value

    def _hand_over(self, process: _Process) -> None:
        task = self._suspects.task(self._pending.popleft()) if self._pending else None
        if task is not None:
            process.tasks.append(task)
        process.reading = None
        with suppress(ConnectionError):  # it has died: the next thing that is received from it is its end
            process.connection.send(task)

    def _over(self, process: _Process) -> None:
        """A process has ended: in good order, or whatever it had goes to another."""
        self._processes.remove(process)
        code = process.ended()
        for place, task in enumerate(process.tasks):
            part = self._folder.part(self._record, task.shard)
            if part.exists():  # it died before it could say so
                self._report.part(PartDone(task.shard, read_counts(part)))
                continue
            if place == len(process.tasks) - 1:
                self._suspects.died(task, process.reading)
            self._report.again(task.shard)
            self._pending.appendleft(task.shard)
        if not process.loaded:
            self._failed_loads += 1
            if self._failed_loads >= _LOADS:
                how = f"signal {-code}" if code < 0 else f"status {code}"
                raise RunError(
                    f"workers end while they load the model ({how}); is there memory for so many? try fewer --workers"
                )


class _Teller(Listener):
    """Tells the parent what a worker does. Films are told together, since there may be thousands a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()  # the writing thread tells too
        self._shard = -1
        self._counts = PartCounts()
        self._told = 0.0

    def films(self, shard: int, counts: PartCounts) -> None:
        if shard != self._shard:
            self._flush()
        self._shard, self._counts = shard, self._counts + counts
        if time.monotonic() > self._told + _TELL_EVERY:
            self._flush()

    def reading(self, task: Task, row: int) -> None:
        self.tell("reading", row)

    def part(self, done: PartDone) -> None:
        self.tell("part", done)

    def tell(self, what: str, value: object = None) -> None:
        with self._lock:
            self._connection.send((what, value))

    def _flush(self) -> None:
        if self._counts.films:
            self.tell("films", (self._shard, self._counts))
        self._counts, self._told = PartCounts(), time.monotonic()


def _serve(connection: Connection, order: WorkerOrder) -> None:
    """A worker process, from its first to its last shard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent ends its workers
    _end_with_parent()
    shorten_warnings()
    teller = _Teller(connection)
    try:
        order.open().score(_tasks(connection, teller), teller)
    except (BrokenPipeError, ConnectionError, EOFError):
        sys.exit(1)  # the parent has gone
    except (CoroNetError, OSError) as error:
        teller.tell("failed", error)
    except Exception as error:
        teller.tell("failed", RunError(f"a worker failed ({error_location(error)}); please report it"))


def _tasks(connection: Connection, teller: _Teller) -> Iterator[Task]:
    while True:
        teller.tell("next")
        task = connection.recv()
        if task is None:
            return
        yield task


def _end_with_parent() -> None:
    """End this process when its parent is gone, however that went."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True, name="coronet-parent").start()
