"""A real Orthanc as the PACS, our node, and a server that answers: films in, results in the same study."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom import dcmread

from tests.e2e.pacs_node import PacsNode, wait_for
from tests.fixtures.films import MARK, film, film_uid, send
from tests.fixtures.orthanc import Orthanc
from tests.fixtures.pynetdicom_sockets import UNCLOSED, collected_sockets  # noqa: F401 (a fixture)
from tests.fixtures.scoring_server import ScoringServer, result_uid, verdict_report

pytestmark = UNCLOSED


@pytest.fixture
def scoring() -> Iterator[ScoringServer]:
    server = ScoringServer()
    yield server
    server.stop()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """An Orthanc that is not started yet."""
    pacs = Orthanc(tmp_path / "orthanc")
    yield pacs
    pacs.kill()


def dicom_target(orthanc: Orthanc, **more: Any) -> dict[str, Any]:
    dicom = {"host": "127.0.0.1", "port": orthanc.port, "ae_title": orthanc.title}
    return {"name": "pacs", "dicom": dicom, "timeout_seconds": 5, **more}


def stow_target(orthanc: Orthanc) -> dict[str, Any]:
    return {"name": "web", "stow": {"url": f"{orthanc.url}/dicom-web/studies"}, "timeout_seconds": 5}


@pytest.fixture
def node(tmp_path: Path, scoring: ScoringServer, orthanc: Orthanc) -> Iterator[PacsNode]:
    """A node that is not started yet."""
    found = PacsNode(tmp_path, scoring.url, [dicom_target(orthanc)])
    yield found
    found.stop()


def results_of(*numbers: int) -> list[str]:
    """The SOP Instance UIDs of the results of films."""
    return sorted(result_uid(film_uid(number), name) for number in numbers for name in ("report", "picture"))


def test_results_arrive_in_the_study_of_their_film(node, orthanc):
    orthanc.start()
    node.settings["targets"] = [dicom_target(orthanc), stow_target(orthanc)]
    node.start()
    assert node.send(film(1), film(2)) == [0, 0]
    node.wait_done(2)
    assert sorted(orthanc.uids()) == results_of(1, 2)
    report = dcmread(BytesIO(orthanc.file(result_uid(film_uid(1), "report"))))
    assert report.StudyInstanceUID == dcmread(BytesIO(film(1))).StudyInstanceUID
    wait_for(lambda: "coronet_pacs_seconds_count 2" in node.metrics(), 5, "metrics")
    assert MARK not in node.log.read_text()
    assert not any(MARK.encode() in path.read_bytes() for path in node.spool.rglob("*") if path.is_file())


def test_a_verdict_comes_back_and_is_counted_once_also_after_a_new_start(node, orthanc):
    orthanc.start()
    node.start()
    assert node.send(film(1)) == [0]
    node.wait_done(1)
    verdict = verdict_report("REJECT", result_uid(film_uid(1), "report"))
    other = verdict_report("REJECT", "1.2.3", number=2)
    assert node.send(verdict, verdict, other) == [0, 0, 0xC006]
    line = 'coronet_verdicts_total{label="Pneumonia",verdict="reject",amended="",model="0123456789ab"} 1'
    assert line in node.metrics()
    node.kill()
    node.start()
    assert node.send(verdict) == [0]
    assert line in node.metrics()
    assert 'coronet_agreement_high{label="Pneumonia",model="0123456789ab"} 0.79345' in node.metrics()
    assert MARK not in node.log.read_text()


def test_with_a_real_server_from_the_pacs_and_back(tmp_path, server, orthanc):
    key = json.loads(server.token.file.read_text())["inference"]["key"]
    node = PacsNode(tmp_path, server.url, [dicom_target(orthanc)], token=key)
    orthanc.start(DicomModalities={"coronet": ["CORONET", "127.0.0.1", node.port]})
    node.start()
    try:
        assert send(orthanc.port, [film(1, size=96), film(2, size=96)], called=orthanc.title) == [0, 0]
        sent = [requests.post(f"{orthanc.url}/modalities/coronet/store", data=each, timeout=30) for each in
                orthanc.get("/instances")]  # fmt: skip
        assert all(each.ok for each in sent)
        node.wait_done(2, 60)
        results = [dcmread(BytesIO(orthanc.file(uid))) for uid in orthanc.uids()]
        for number in (1, 2):
            own = [each for each in results if each.StudyInstanceUID.endswith(f".3.{number}")]
            kinds = Counter(each.Modality for each in own)
            assert kinds["CR"] == kinds["SR"] == 1
            assert sum(kinds.values()) >= 4  # and map, picture, mostly an outline
            assert {str(each.PatientName) for each in own} == {f"{MARK}^JANE"}
        (report,) = [each for each in results if each.Modality == "SR" and each.StudyInstanceUID.endswith(".3.1")]
        assert node.send(verdict_report("ACCEPT", report.SOPInstanceUID)) == [0]
        assert re.search(r'coronet_verdicts_total\{label="[^"]+",verdict="accept",amended="",model="[0-9a-f]{12}"\} 1',
                         node.metrics())  # fmt: skip
        before = sorted(orthanc.uids())
        assert node.send(film(1, size=96)) == [0]  # once more
        shutil.rmtree(node.spool / "done")  # and as if it had been forgotten
        (node.spool / "done").mkdir()
        assert node.send(film(1, size=96)) == [0]
        node.wait_done(1, 60)
        assert sorted(orthanc.uids()) == before
        assert MARK not in node.log.read_text()
    finally:
        node.stop()


def test_a_pacs_that_is_down_gets_everything_once_it_is_there(node, orthanc):
    node.start()
    assert node.send(*map(film, range(6))) == [0] * 6
    wait_for(lambda: "try 2 failed" in node.log.read_text(), 20, node.told())
    assert "waiting  6" in node.run("status").stdout
    assert "it does not answer" in node.run("status").stdout
    orthanc.start()
    wait_for(lambda: orthanc.uids(), 20, node.told())
    orthanc.kill()
    assert node.send(*map(film, range(6, 12))) == [0] * 6
    orthanc.start()
    node.wait_done(12)
    assert sorted(orthanc.uids()) == results_of(*range(12))


def test_a_pacs_that_rejects_us_is_given_up_and_may_be_tried_again(node, orthanc):
    orthanc.start(DicomAet="SOMEBODY")
    node.settings["retries"] = {"tries": 2, "first_seconds": 0.1, "longest_seconds": 0.1}
    node.start()
    assert node.send(film(1)) == [0]
    (failed,) = wait_for(lambda: node.in_state("failed"), 20, node.told())
    why = wait_for(lambda: (failed / "why.txt").read_text(), 5, "why")
    assert why == (
        "pacs: it rejects the association: Called AE title not recognised: it has another AE title than ORTHANC; "
        "given up after 2 tries\n"
    )
    assert why.strip() in node.run("status").stdout
    orthanc.stop()
    orthanc.start()
    assert node.run("retry", failed.name[:6]).stdout == "1 films wait again\n"
    node.wait_done(1)
    assert sorted(orthanc.uids()) == results_of(1)


def test_a_pacs_that_hangs_gets_nothing_twice(node, orthanc):
    orthanc.start()
    node.settings["targets"] = [dicom_target(orthanc, timeout_seconds=1)]
    node.start()
    os.kill(orthanc.pid, signal.SIGSTOP)
    assert node.send(*map(film, range(4))) == [0] * 4
    wait_for(lambda: "failed, the next in" in node.log.read_text(), 20, node.told())
    os.kill(orthanc.pid, signal.SIGCONT)
    node.wait_done(4)
    assert sorted(orthanc.uids()) == results_of(*range(4))


def has_taken(node: PacsNode, films: int) -> bool:
    """Whether so many films lie in its spool, or are done."""
    return len(node.in_state("waiting")) + len(node.in_state("done")) >= films


def test_killed_at_any_moment_it_loses_nothing_and_does_nothing_twice(node, orthanc, scoring):
    orthanc.start()
    scoring.seconds = 0.05
    sent: list[int] = []
    for turn in range(8):
        node.start()
        films = list(range(5 * turn, 5 * turn + 5))
        statuses: list[int | None] = []
        sender = threading.Thread(target=lambda f=films, s=statuses: s.extend(node.send(*map(film, f))))
        before = len(node.in_state("waiting")) + len(node.in_state("done"))
        sender.start()
        arrived = min(turn, 5)  # it is killed as soon as so many have
        wait_for(partial(has_taken, node, before + arrived), 30, "films")
        time.sleep(0.1 * (turn - arrived))  # the last two times while it works
        node.kill()
        sender.join()
        sent += [number for number, status in zip(films, statuses, strict=True) if status == 0]
    node.start()
    wait_for(lambda: not node.in_state("waiting"), 60, node.told())
    assert len(sent) >= 5
    assert node.in_state("failed") == []
    arrived = orthanc.uids()
    assert len(arrived) == len(set(arrived))
    assert set(arrived) >= set(results_of(*sent))  # a film may have been taken without its sender knowing
    assert len(arrived) == 2 * len(node.in_state("done"))


def test_200_films_of_four_senders_give_200_results(node, orthanc, scoring):
    orthanc.start()
    node.settings["targets"] = [dicom_target(orthanc, results=["report"])]
    node.settings["workers"] = 4
    node.start()
    films = {number: film(number) for number in range(200)}

    def sender(first: int) -> list[int | None]:
        own = [films[number] for number in range(first, 200, 4)]
        return node.send(*own, own[0], own[7])  # two of them twice

    with ThreadPoolExecutor(4) as pool:
        statuses = [status for found in pool.map(sender, range(4)) for status in found]
    assert statuses == [0] * 208
    node.wait_done(200, 90)
    assert sorted(orthanc.uids()) == sorted(result_uid(film_uid(number), "report") for number in films)
    assert set(scoring.asked.values()) == {1}


def test_a_server_that_fails_is_asked_again_and_one_that_refuses_is_not(node, orthanc, scoring):
    orthanc.start()
    node.start()

    def fail(uid: str) -> tuple[int, str] | None:
        if uid == film_uid(1) and scoring.asked[uid] < 3:
            return 503, "ServiceUnavailableException"
        return {film_uid(2): (406, "NotAcceptable"), film_uid(3): (500, "InternalError")}.get(uid)

    scoring.fail = fail
    assert node.send(film(1), film(2), film(3)) == [0, 0, 0]
    wait_for(lambda: len(node.in_state("failed")) == 2 and node.in_state("done"), 30, node.told())
    assert sorted(orthanc.uids()) == results_of(1)
    assert (scoring.asked[film_uid(2)], scoring.asked[film_uid(3)]) == (1, 5)
    lines = sorted(path.read_text() for path in node.spool.glob("failed/*/why.txt"))
    assert lines[0].endswith("cannot be answered (InternalError); given up after 5 tries\n")
    assert lines[1].endswith("cannot be answered (NotAcceptable)\n")
    assert MARK not in node.log.read_text()  # which the server has quoted
    assert "server: NotAcceptable" in node.log.read_text()


def test_a_full_disk_is_said_to_the_sender_and_what_was_taken_is_answered(node, orthanc, tmp_path):
    spool = tmp_path / "small"
    spool.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "coronet", str(spool)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root and tmpfs for a disk that can be filled")
    try:
        node.settings["spool"] = str(spool)
        node.spool = spool
        node.start()
        statuses = node.send(*(film(number, size=200) for number in range(20)))  # 80 kB each
        taken = [number for number, status in enumerate(statuses) if status == 0]
        assert 0 < len(taken) < 20
        assert {status for status in statuses if status} == {0xA700}
        orthanc.start()
        node.wait_done(len(taken))
        assert sorted(orthanc.uids()) == results_of(*taken)
        again = node.send(*(film(number, size=200) for number in range(20)))
        assert again.count(0) > len(taken)
    finally:
        node.stop()
        subprocess.run(["umount", str(spool)], check=True)
