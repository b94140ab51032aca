"""A film's way through the node, with a server and targets that do as they are told."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from pacs.delivery import Later, Rejected
from pacs.figures import Figures
from pacs.known_reports import KnownReports, Report
from pacs.schedule import Schedule, wait_after
from pacs.settings import DicomTarget, Retries, Target
from pacs.spool import Spool, Task, key_of, keys_in, read_why
from pacs.work import Way, Work
from tests.fixtures.films import MARK, film, film_uid
from tests.fixtures.scoring_server import MODEL, report, result_uid, to_file

KEY = key_of(film_uid(1))
RESULTS = {"report": to_file(report(dcmread(BytesIO(film(1))))), "picture": b"picture"}


class Scripted:
    """A server or a target: for each call an error to raise, then none."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls: list[Any] = []

    def _next(self, call: Any) -> None:
        self.calls.append(call)
        if self.errors:
            raise self.errors.pop(0)

    def results(self, film: bytes) -> dict[str, bytes]:
        self._next(film)
        return RESULTS

    def send(self, objects: dict[str, bytes]) -> None:
        self._next(sorted(objects))

    def check(self) -> str:
        return ""


def target(name: str, *results: str) -> Target:
    dicom = DicomTarget(host="127.0.0.1", port=1, ae_title="PACS")
    return Target.model_validate({"name": name, "dicom": dicom, "results": list(results) or ["report", "picture"]})


@pytest.fixture
def run(tmp_path: Path):
    """run(server, {name: target}) -> the work, when the film of KEY is done or failed."""
    started: list[Work] = []

    def go(server: Scripted, targets: dict[str, Scripted], until: Callable[[Work], bool] | None = None, **more) -> Work:
        spool = Spool(tmp_path / "spool")
        spool.add(KEY, film(1))
        ways = tuple(Way(target(name, *more.get(name, ())), each) for name, each in targets.items())
        retries = Retries(tries=more.get("tries", 20), first_seconds=0.001, longest_seconds=0.002)
        work = Work(spool, Schedule(), server, ways, retries, Figures(), KnownReports(spool.root))
        started.append(work)
        work.start(2)
        deadline = time.monotonic() + 10
        over = until or (lambda work: not work.spool.waiting() and not work.schedule.known())
        while not over(work):
            assert time.monotonic() < deadline, work.spool.task(KEY)
            time.sleep(0.005)
        return work

    yield go
    for work in started:
        work.schedule.close()
        work.wait(5)
        work.spool.close()


def why(work: Work) -> str:
    return read_why(work.spool.root / "failed" / KEY)


def test_results_go_to_every_target(run):
    server, one, two = Scripted(), Scripted(), Scripted()
    work = run(server, {"one": one, "two": two}, two=["picture"])
    assert (server.calls, one.calls, two.calls) == ([film(1)], [["picture", "report"]], [["picture"]])
    assert keys_in(work.spool.root, "done") == [KEY]
    assert work.known.find(result_uid(film_uid(1), "report")) == Report("Pneumonia", MODEL)
    assert "coronet_pacs_seconds_count 1" in work.figures.prometheus(0, 0)


def test_a_film_without_a_kind_of_result_is_done_without_it(run):
    outlines = Scripted()
    run(Scripted(), {"outlines": outlines}, outlines=["outline"])
    assert outlines.calls == []


def test_each_step_is_repeated_until_it_works_and_no_step_that_has_worked(run):
    server = Scripted(Later("away"), Later("away"))
    one, two = Scripted(Later("down")), Scripted(Later("down"), Later("slow"))
    work = run(server, {"one": one, "two": two})
    assert (len(server.calls), len(one.calls), len(two.calls)) == (3, 2, 3)
    assert "coronet_pacs_failed_tries_total 4" in work.figures.prometheus(0, 0)


def test_a_target_that_is_down_keeps_nothing_from_another(run):
    down, up = Scripted(*[Later("down")] * 99), Scripted()
    work = run(Scripted(), {"down": down, "up": up}, tries=4)
    assert (len(down.calls), len(up.calls)) == (4, 1)
    assert why(work) == "down: down; given up after 4 tries"


def test_a_target_that_refuses_for_good_is_asked_once_and_the_other_gets_everything(run):
    refuses, later = Scripted(Rejected("status A900")), Scripted()
    work = run(Scripted(), {"refuses": refuses, "later": later})
    assert (len(refuses.calls), len(later.calls)) == (1, 1)
    assert why(work) == "refuses: status A900"


def test_what_the_server_says_of_a_film_is_in_its_folder_and_not_in_the_log(run, caplog):
    server = Scripted(Rejected(f"server: {MARK} is no film (InvalidImage)", logged="server: InvalidImage"))
    work = run(server, {"one": Scripted()})
    assert why(work) == f"server: {MARK} is no film (InvalidImage)"
    assert "server: InvalidImage" in caplog.text
    assert MARK not in caplog.text


def test_a_film_that_may_end_workers_gets_few_tries(run):
    server = Scripted(*[Later("500", suspect=True)] * 99)
    work = run(server, {"one": Scripted()})
    assert len(server.calls) == 5
    assert why(work) == "500; given up after 5 tries"


def test_a_defect_of_ours_ends_in_failed_and_tells_its_place_alone(run, caplog):
    work = run(Scripted(*[ValueError(MARK)] * 99), {"one": Scripted()}, tries=3)
    assert "unexpected: ValueError at " in why(work)
    assert MARK not in caplog.text + why(work)


def test_a_full_disk_is_waited_for(run, monkeypatch):
    keep, left = Spool.keep_results, [1, 2]

    def full(self, key, results):
        if left:
            left.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        keep(self, key, results)

    monkeypatch.setattr(Spool, "keep_results", full)
    work = run(Scripted(), {"one": Scripted()})
    assert keys_in(work.spool.root, "done") == [KEY]


def test_a_disk_too_full_to_note_a_failed_try_loses_no_film(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    server = Scripted(Later("away"))
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "save", full)
        work = run(server, {"one": Scripted()}, until=lambda work: len(server.calls) >= 2)
    deadline = time.monotonic() + 10
    while work.spool.waiting() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert keys_in(work.spool.root, "done") == [KEY]


def test_after_a_new_start_whatever_waits_is_due(run, tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.add(KEY, film(1))
    spool.save(KEY, Task(arrived=1.0, tries=3, not_before=9e9))
    spool.close()
    assert keys_in(run(Scripted(), {"one": Scripted()}).spool.root, "done") == [KEY]


def test_a_film_whose_folder_is_taken_away_is_let_go(run, tmp_path):
    class Gone(Scripted):
        spool: Path

        def results(self, film: bytes) -> dict[str, bytes]:
            shutil.rmtree(self.spool / "waiting" / KEY)
            raise Later("away")

    server = Gone()
    server.spool = tmp_path / "spool"
    work = run(server, {"one": Scripted()})
    assert work.schedule.known() == set()
    assert keys_in(work.spool.root, "done") == keys_in(work.spool.root, "failed") == []


def test_waits_double_up_to_the_longest_and_differ():
    retries = Retries(tries=9, first_seconds=2.0, longest_seconds=60.0)
    for tries, most in ((1, 2), (2, 4), (5, 32), (6, 60), (1000, 60)):
        waits = {wait_after(tries, retries) for _ in range(50)}
        assert most / 2 <= min(waits) <= max(waits) <= most
        assert len(waits) > 10


def test_the_film_that_came_first_is_next_and_none_is_taken_twice():
    schedule = Schedule()
    schedule.put_new({"b": Task(arrived=2.0), "a": Task(arrived=1.0), "late": Task(arrived=0.0, not_before=9e9)})
    assert [schedule.take()[0], schedule.take()[0]] == ["a", "b"]
    schedule.put("b", Task(arrived=2.0))
    assert schedule.take()[0] == "b"
    schedule.drop("a")
    schedule.put_new({"b": Task(arrived=0.0)})
    assert schedule.known() == {"b", "late"}
    schedule.close()
    assert schedule.take() is None


def test_a_film_is_due_in_time_although_somebody_puts_the_clock_back(monkeypatch):
    schedule = Schedule()
    schedule.put("a", Task(arrived=1.0, not_before=time.time() + 0.05))
    monkeypatch.setattr("pacs.schedule.time.time", lambda: 0.0)
    taken: list[Any] = []
    taker = threading.Thread(target=lambda: taken.append(schedule.take()), daemon=True)
    taker.start()
    taker.join(5)
    schedule.close()
    assert [each[0] for each in taken] == ["a"]
