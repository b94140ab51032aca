"""The queue on disk: every state, and a crash at every step between two of them."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from model_src.errors import ServerError
from pacs import durable, spool
from pacs.spool import Spool, Task, key_of, keys_in, read_why, retry

KEY = key_of("1.2.3")


@pytest.fixture
def queue(tmp_path):
    found = Spool(tmp_path / "spool")
    yield found
    found.close()


def test_a_film_waits_with_what_is_known_of_it(queue):
    before = time.time()
    assert queue.add(KEY, b"film") == "new"
    assert queue.waiting() == [KEY]
    assert queue.film(KEY) == b"film"
    task = queue.task(KEY)
    assert before <= task.arrived <= time.time()
    assert task == Task(arrived=task.arrived)
    queue.save(KEY, changed := replace(task, tries=3, suspect=1, not_before=5.0, why="because", sent=("pacs",)))
    assert queue.task(KEY) == changed


def test_the_same_film_is_here_already_in_every_state(queue):
    queue.add(KEY, b"film")
    assert queue.add(KEY, b"film") == "waiting"
    queue.fail(KEY, "because")
    assert queue.add(KEY, b"film") == "again"
    assert queue.waiting() == [KEY]
    queue.finish(KEY, 0.0)
    assert queue.add(KEY, b"film") == "done"
    assert queue.waiting() == []
    assert list((queue.root / "incoming").iterdir()) == []


def test_nothing_of_a_film_that_is_done_stays(queue):
    queue.add(KEY, b"PIXELS")
    queue.keep_results(KEY, {"report": b"RESULT"})
    queue.finish(KEY, 12.5)
    files = [path for path in queue.root.rglob("*") if path.is_file() and path.name != "lock"]
    assert [path.relative_to(queue.root).as_posix() for path in files] == [f"done/{KEY}.json"]
    assert b"12.5" in files[0].read_bytes()


def test_results_are_kept_in_order_of_name(queue):
    queue.add(KEY, b"film")
    assert queue.results(KEY) == {}
    queue.keep_results(KEY, {"report": b"2", "map": b"1"})
    assert list(queue.results(KEY).items()) == [("map", b"1"), ("report", b"2")]


def test_why_a_film_failed_is_one_line(queue):
    queue.add(KEY, b"film")
    queue.fail(KEY, "two\nlines  here")
    folder = queue.root / "failed" / KEY
    assert (folder / "why.txt").read_text() == "two lines here\n"
    assert read_why(folder) == "two lines here"
    assert (folder / "film.dcm").read_bytes() == b"film"


def test_a_failed_film_gets_new_tries_and_keeps_its_results(queue):
    queue.add(KEY, b"film")
    queue.keep_results(KEY, {"report": b"x"})
    queue.save(KEY, replace(queue.task(KEY), tries=7, suspect=5, not_before=9e9, sent=("one",)))
    queue.fail(KEY, "because")
    assert retry(queue.root, KEY)
    task = queue.task(KEY)
    assert (task.tries, task.suspect, task.not_before, task.sent) == (0, 0, 0.0, ("one",))
    assert queue.results(KEY) == {"report": b"x"}
    assert not retry(queue.root, KEY)


def test_a_task_that_was_damaged_begins_anew(queue):
    queue.add(KEY, b"film")
    for text in ("", "{}", '{"sent": 3}', '{"sent": [], "unknown": 1}'):
        (queue.root / "waiting" / KEY / "task.json").write_text(text)
        assert queue.task(KEY).tries == 0
    shutil.rmtree(queue.root / "waiting" / KEY)
    assert queue.task(KEY) is None


def test_two_nodes_do_not_share_a_spool(queue):
    with pytest.raises(ServerError, match="another 'coronet pacs'"):
        Spool(queue.root)
    queue.close()
    Spool(queue.root).close()


def test_what_is_to_stay_free_is_not_taken(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    queue = Spool(tmp_path / "spool", keep_free=2 * free)
    with pytest.raises(OSError, match="No space left"):
        queue.add(KEY, b"film")
    assert queue.waiting() == []
    queue.close()


def test_a_spool_is_its_users_alone(queue):
    queue.add(KEY, b"film")
    assert {path.stat().st_mode & 0o077 for path in queue.root.rglob("*") if path.name != "lock"} == {0}


def test_films_that_were_done_long_ago_are_forgotten(queue):
    for number in range(2):
        queue.add(key_of(str(number)), b"film")
        queue.finish(key_of(str(number)), 0.0)
    old = queue.root / "done" / f"{key_of('0')}.json"
    os.utime(old, (time.time() - 10 * 86_400,) * 2)
    queue.forget(days=9)
    assert keys_in(queue.root, "done") == [key_of("1")]


def test_to_forget_it_needs_no_file_to_keep_its_name(queue):
    (queue.root / "reports" / ".new-1").symlink_to("gone")  # listed, and renamed since: it has been written
    queue.forget(days=9)


class Crash(BaseException):
    """The process is gone: nothing that comes after it runs, no `finally` and no `except` of ours."""


def crashed_at(step: int, monkeypatch, act: Callable[[], object]) -> bool:
    """Whether `act` came as far as its `step`-th change of the disk, and was stopped before it."""
    done = 0

    def before(change):
        def changed(*args, **keywords):
            nonlocal done
            done += 1
            if done > step:  # whoever cleans up after it does not come to it
                raise Crash
            return change(*args, **keywords)

        return changed

    with monkeypatch.context() as patch:
        for module, name in (
            (os, "fsync"),
            (os, "link"),
            (shutil, "rmtree"),
            (durable.tempfile, "mkstemp"),
            (spool.tempfile, "mkdtemp"),
        ):
            patch.setattr(module, name, before(getattr(module, name)))
        for name in ("replace", "rename", "unlink"):
            patch.setattr(durable.Path, name, before(getattr(durable.Path, name)))
        try:
            act()
        except Crash:
            return True
        return False


def promised(queue: Spool, key: str) -> bool:
    return queue.add(key, b"film") in ("new", "waiting", "done", "again")


@pytest.mark.parametrize("action", ["add", "keep_results", "save", "finish", "fail", "retry"])
def test_a_crash_at_any_step_loses_nothing(tmp_path, monkeypatch, action):
    steps = 0
    while True:
        root = tmp_path / str(steps)
        queue = Spool(root)
        if action != "add":
            queue.add(KEY, b"film")
        if action == "retry":
            queue.fail(KEY, "because")
        crashed = crashed_at(
            steps,
            monkeypatch,
            {
                "add": lambda queue=queue: queue.add(KEY, b"film"),
                "keep_results": lambda queue=queue: queue.keep_results(KEY, {"a": b"1", "b": b"2"}),
                "save": lambda queue=queue: queue.save(KEY, Task(arrived=1.0, tries=1)),
                "finish": lambda queue=queue: queue.finish(KEY, 0.0),
                "fail": lambda queue=queue: queue.fail(KEY, "because"),
                "retry": lambda root=root: retry(root, KEY),
            }[action],
        )
        queue.close()
        queue = Spool(root)  # the next start
        states = {state: keys_in(root, state) for state in ("waiting", "failed", "done")}
        there = [key for keys in states.values() for key in keys]
        if action == "add":
            assert there in ([], [KEY])  # its sender has not been told, and sends it again
            assert there == [KEY] or crashed
        else:
            assert there == [KEY], f"step {steps}: {states}"
        if states["waiting"]:
            assert queue.film(KEY) == b"film"
            assert queue.results(KEY) in ({}, {"a": b"1", "b": b"2"})
            queue.finish(KEY, 0.0)
        assert list((root / "incoming").iterdir()) == list((root / "leaving").iterdir()) == []
        assert promised(queue, KEY)
        queue.close()
        if not crashed:
            break
        steps += 1
    assert steps >= 3  # each has at least so many


def test_a_disk_that_fills_up_while_a_film_comes_leaves_nothing_of_it(queue, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            queue.add(KEY, b"film")
    assert queue.waiting() == []
    assert list((queue.root / "incoming").iterdir()) == []
    assert queue.add(KEY, b"film") == "new"
