"""What is done with a film that waits: ask the server, send the results, and once more where that did not work.

Every step is remembered on the disk before the next begins. A step that is done twice, since the process was killed
in between, does no harm: the results of a film have the same SOP Instance UIDs each time, and a PACS has one object
of a UID.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from model_src.private_log import error_location
from pacs.delivery import Later, Rejected, Sender
from pacs.figures import Figures
from pacs.known_reports import KnownReports
from pacs.reports import read_report
from pacs.schedule import Schedule, wait_after
from pacs.scoring import Scorer
from pacs.settings import Retries, Target
from pacs.spool import Spool, Task

logger = logging.getLogger(__name__)

# Tries with an error that the film itself may cause: each may cost the server a worker.
_MOST_SUSPECT_TRIES = 5


@dataclass(frozen=True)
class Way:
    """A target and the way to it."""

    target: Target
    sender: Sender


@dataclass
class Work:
    """Everything that a film needs, and threads that give it to one film after the other."""

    spool: Spool
    schedule: Schedule
    scorer: Scorer
    ways: tuple[Way, ...]
    retries: Retries
    figures: Figures
    known: KnownReports
    _threads: list[threading.Thread] = field(default_factory=list, init=False)

    def start(self, workers: int) -> None:
        """Begin with what is waiting, on so many threads; `schedule.close()` ends them after the film in hand.

        Whatever waits is due at once: who starts a node anew has often mended something.
        """
        found = {key: self.spool.task(key) for key in self.spool.waiting()}
        self.schedule.put_new({key: replace(task, not_before=0.0) for key, task in found.items() if task})
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for the films in hand, after `schedule.close()`; at once where nothing was started."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def look_for_films(self) -> None:
        """Put films into the schedule that lie in waiting/ and are not in it: after `coronet pacs retry`."""
        unknown = set(self.spool.waiting()) - self.schedule.known()
        found = {key: self.spool.task(key) for key in unknown}
        self.schedule.put_new({key: task for key, task in found.items() if task})

    def _run(self) -> None:
        while taken := self.schedule.take():
            key, task = taken
            try:
                self._try(key, task)
            except Exception as error:
                self._after_surprise(key, task, error)

    def _try(self, key: str, task: Task) -> None:
        """One try: the film is done, failed, or back in the schedule."""
        try:
            results = self.spool.results(key) or self._score(key)
        except Later as error:
            self._put_back(key, task, error)
            return
        except Rejected as error:
            self._fail(key, str(error), error.logged)
            return
        passing: list[str] = []
        lasting: list[str] = []
        for way in self.ways:
            name = way.target.name
            wanted = _wanted(results, way.target)
            if name in task.sent or not wanted:
                continue
            try:
                way.sender.send(wanted)
            except (Later, Rejected) as error:
                (passing if isinstance(error, Later) else lasting).append(f"{name}: {error}")
            else:
                task = replace(task, sent=(*task.sent, name))
                self.spool.save(key, task)
        if passing:
            self._put_back(key, task, Later("; ".join([*passing, *lasting])))
        elif lasting:
            why = "; ".join(lasting)
            self._fail(key, why, why)
        else:
            self._finish(key, task)

    def _score(self, key: str) -> dict[str, bytes]:
        results = self.scorer.results(self.spool.film(key))
        if "report" in results and (report := read_report(results["report"])):
            self.known.remember(*report)
        self.spool.keep_results(key, results)
        return results

    def _finish(self, key: str, task: Task) -> None:
        self.spool.finish(key, task.arrived)
        self.schedule.drop(key)
        seconds = max(0.0, time.time() - task.arrived)  # somebody may have put the clock back
        self.figures.count_done(seconds)
        logger.info("film %s: done, %.1f s after it came", key[:8], seconds)

    def _put_back(self, key: str, task: Task, error: Later) -> None:
        why, logged = str(error), error.logged
        task = replace(task, tries=task.tries + 1, suspect=task.suspect + error.suspect, why=why)
        if task.tries >= self.retries.tries or task.suspect >= _MOST_SUSPECT_TRIES:
            after = f"; given up after {task.tries} tries"
            self._fail(key, why + after, logged + after)
            return
        wait = wait_after(task.tries, self.retries)
        task = replace(task, not_before=time.time() + wait)
        self.spool.save(key, task)
        self.figures.count_failed_try()
        logger.warning("film %s: try %d failed, the next in %.0f s: %s", key[:8], task.tries, wait, logged)
        self.schedule.put(key, task)

    def _fail(self, key: str, why: str, logged: str) -> None:
        self.spool.fail(key, why)
        self.schedule.drop(key)
        self.figures.count("failed")
        logger.error("film %s: failed, see failed/%s/why.txt: %s", key[:8], key, logged)

    def _after_surprise(self, key: str, task: Task, error: Exception) -> None:
        """After a full disk, or a defect of ours: the film stays where it is, and the try counts."""
        if self.spool.task(key) is None:  # somebody took its folder away
            self.schedule.drop(key)
            logger.warning("film %s: gone from the spool", key[:8])
            return
        why = f"spool: {error.strerror}" if isinstance(error, OSError) else f"unexpected: {error_location(error)}"
        try:
            self._put_back(key, task, Later(why))
        except OSError:
            logger.error("film %s: %s", key[:8], why)
            self.schedule.put(key, replace(task, not_before=time.time() + self.retries.longest_seconds))


def _wanted(results: Mapping[str, bytes], target: Target) -> dict[str, bytes]:
    """The results that a target is to have, the report last: whoever finds it finds the others too.

    A film may have none of a kind, such as an outline.
    """
    return {name: results[name] for name in sorted(results) if name in target.results}
