"""Films of a real PACS by QIDO-RS and WADO-RS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from scoring.failures import FilmRemoved, SourceLost
from scoring.listing import compare, identified
from scoring.reading import FilmReader
from scoring.sources.pacs import PacsAccess, PacsSource
from tests.fixtures.films import film, film_uid
from tests.fixtures.orthanc import Orthanc
from tests.scoring.runs import rows, score_here

_MANY = 7


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """With films 1 to 7, and one of 1990."""
    running = Orthanc(tmp_path_factory.mktemp("orthanc") / "home")
    running.start()
    try:
        for number in range(1, _MANY + 1):
            store(running, film(number, StudyDate="20260105"))
        store(running, film(90, StudyDate="19900105"))
        yield running
    finally:
        running.stop()


def store(orthanc: Orthanc, content: bytes) -> None:
    requests.post(f"{orthanc.url}/instances", data=content, timeout=10).raise_for_status()


def address(orthanc: Orthanc, query: str = "StudyDate=20260101-20260131") -> str:
    return f"dicomweb+{orthanc.url}/dicom-web?{query}"


def test_a_query_of_a_pacs_is_scored(orthanc, options, run_folder):
    outcome, _ = score_here(run_folder, options(address(orthanc)))
    assert (outcome.scored.answered, outcome.scored.errors) == (_MANY, 0)
    found = rows(run_folder)
    assert {row["sop_instance_uid"] for row in found} == {film_uid(number) for number in range(1, _MANY + 1)}
    assert {row["image_format"] for row in found} == {"DICOM"}
    assert all(len(row["sha256"]) == 64 for row in found)


def test_pages_are_put_together(orthanc, monkeypatch):
    monkeypatch.setattr("scoring.sources.pacs._PAGE", 3)
    found = list(PacsSource(address(orthanc), PacsAccess()).films())
    assert [film.identity for film in found] == [f"uid:{film_uid(number)}" for number in range(1, _MANY + 1)]
    assert list(PacsSource(address(orthanc, "StudyDate=20300101"), PacsAccess()).films()) == []
    assert len(list(PacsSource(address(orthanc, "Modality=CR"), PacsAccess()).films())) == _MANY + 1


def test_a_film_that_the_pacs_has_no_longer(orthanc, options, run_folder):
    store(orthanc, film(50, StudyDate="20250105"))
    store(orthanc, film(51, StudyDate="20250105"))
    source = PacsSource(address(orthanc, "StudyDate=20250105"), PacsAccess())
    reader = FilmReader(PacsAccess(), waits=())
    films = list(identified([source], reader, "content"))
    assert len(reader.read(films[0])) > 1000
    (gone,) = requests.post(f"{orthanc.url}/tools/lookup", data=film_uid(50), timeout=10).json()
    requests.delete(f"{orthanc.url}/instances/{gone['ID']}", timeout=10).raise_for_status()
    with pytest.raises(FilmRemoved):
        reader.read(films[0])
    assert compare([source], lambda: films, reader).counts == {"added": 0, "removed": 1, "exchanged": 0}


def test_an_address_that_is_no_dicomweb_root_stops_the_run(orthanc):
    source = PacsSource(f"dicomweb+{orthanc.url}/nothing-here", PacsAccess())
    with pytest.raises(SourceLost, match=r"nothing-here/instances answers 404 .*: check the address and the secret"):
        list(source.films())
