"""A node: what comes by C-STORE goes into the spool, and from there through the server to the targets."""

from __future__ import annotations

import logging
import threading
import time

from pacs.c_store import StoreSender
from pacs.delivery import Sender
from pacs.figures import Figures, MetricsPage
from pacs.film import Refused, check_film, read_uids
from pacs.known_reports import KnownReports
from pacs.receiver import Receiver
from pacs.reports import REPORT_CLASSES, read_verdict
from pacs.schedule import Schedule
from pacs.scoring import Scorer
from pacs.settings import MEGABYTE, Settings, Target
from pacs.spool import Spool, key_of, keys_in
from pacs.stow import StowSender
from pacs.work import Way, Work

logger = logging.getLogger(__name__)

_LOOK = 2.0  # seconds between looks for films that `coronet pacs retry` has put back
_FORGET = 3600.0  # seconds between looks for what may be forgotten
_STOP = 10.0  # seconds for the films in hand; what is not finished goes on after the next start


class Node:
    """Everything that runs, put together by the settings.

    Raises:
        ServerError: another node has the spool, or a certificate is none.
        OSError: the spool cannot be written.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.ways = tuple(Way(target, _sender(target, settings.listen.ae_title)) for target in settings.targets)
        self.figures = Figures()
        self._receiver = Receiver(settings.listen, self.take)
        self._schedule = Schedule()
        self._spool = Spool(settings.spool, settings.keep_free_mb * MEGABYTE)
        self._known = KnownReports(settings.spool)
        scorer = Scorer(settings.server, settings.explanation)
        self._work = Work(self._spool, self._schedule, scorer, self.ways, settings.retries, self.figures, self._known)
        self._page: MetricsPage | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Take and work. Raises ServerError for a port that cannot be had."""
        if self._settings.metrics_port:
            self._page = MetricsPage(self._settings.metrics_port, self.prometheus)
        self._work.start(self._settings.workers)
        self._receiver.start()

    def run(self) -> None:
        """Go on until `stop`, or until the main thread is interrupted."""
        forgotten = 0.0
        while not self._stopped.wait(_LOOK):
            self._work.look_for_films()
            if time.monotonic() - forgotten > _FORGET:
                forgotten = time.monotonic()
                self._spool.forget(self._settings.remember_days)

    def stop(self) -> None:
        """Take no more, finish what is in hand or leave it for the next start, and give the spool back."""
        self._stopped.set()
        self._receiver.stop()
        self._schedule.close()
        self._work.wait(_STOP)
        if self._page:
            self._page.close()
        self._spool.close()

    def take(self, data: bytes, caller: str) -> None:
        """Take an object that came: a film into the spool, a verdict into the counts.

        Args:
            data: a DICOM file.
            caller: its sender's AE title.

        Raises:
            Refused: it is neither.
            OSError: there is no room.
        """
        try:
            if read_uids(data)["SOPClassUID"] in REPORT_CLASSES:
                self._take_verdict(data, caller)
            else:
                self._take_film(data, caller)
        except (Refused, OSError):
            self.figures.count("refused")
            raise

    def prometheus(self) -> str:
        """The metrics page."""
        root = self._settings.spool
        films = self.figures.prometheus(len(self._spool.waiting()), len(keys_in(root, "failed")))
        return films + self._known.counts.prometheus()

    def _take_film(self, data: bytes, caller: str) -> None:
        key = key_of(check_film(data, self._settings.listen.largest_film_mb * MEGABYTE))
        arrival = self._spool.add(key, data)
        said = {
            "new": "waits for results",
            "again": "has failed before, is tried again",
            "waiting": "is here already",
            "done": "is here already, and its results are where they belong",
        }
        self.figures.count("accepted" if arrival in ("new", "again") else "repeated")
        logger.info("film %s from %s: %s", key[:8], caller, said[arrival])
        if task := self._spool.task(key):
            self._schedule.put_new({key: task})

    def _take_verdict(self, data: bytes, caller: str) -> None:
        uid, verdict = read_verdict(data, self._known)
        new = self._known.take(uid, verdict)
        logger.info(
            "verdict from %s: %s on %s%s", caller, verdict.kind, verdict.label, "" if new else ", known already"
        )


def _sender(target: Target, own_title: str) -> Sender:
    if target.dicom:
        return StoreSender(target.dicom, own_title, target.timeout_seconds)
    if target.stow:
        return StowSender(target.stow, target.timeout_seconds)
    raise TypeError(target)  # settings have one of them
