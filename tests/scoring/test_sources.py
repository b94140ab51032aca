"""Folders, lists, tars and URLs: which films there are, in which order, and that each is read back by its row."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from model_src.errors import DataError
from scoring.failures import FilmChanged, FilmRemoved, FilmUnreadable, SourceLost
from scoring.film import Film
from scoring.listing import compare, identified
from scoring.reading import FilmReader, digest
from scoring.sources.addresses import remote_film
from scoring.sources.folders import address_of, local_path
from scoring.sources.pacs import PacsAccess, PacsSource, _first_part
from scoring.sources.registry import open_source

ACCESS = PacsAccess()
READER = FilmReader(ACCESS, waits=())


def films_of(source: object) -> list[Film]:
    return list(identified([open_source(str(source), ACCESS)], READER, "content"))


def names_of(source: object) -> list[str]:
    return [Path(film.address).name for film in open_source(str(source), ACCESS).films()]


def test_a_folder_gives_what_may_be_images_folder_by_folder(tmp_path):
    for name in ("b.png", "a.dcm", "1.2.840.5", ".hidden.png", "notes.txt", "DICOMDIR", "sub/c.jpg", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "again").symlink_to(tmp_path / "sub")
    assert names_of(tmp_path) == ["1.2.840.5", "a.dcm", "b.png", "nowhere.png", "c.jpg"]
    found = {Path(film.address).name: film for film in films_of(tmp_path)}
    assert found["b.png"].identity == f"sha256:{digest(b'b.png')}"
    assert (found["b.png"].size, found["nowhere.png"].size, found["nowhere.png"].identity) == (5, None, None)
    assert READER.read(found["c.jpg"]) == b"sub/c.jpg"


def test_a_name_that_is_no_utf8_is_a_file_url_and_leads_back(tmp_path):
    path = tmp_path / os.fsdecode(b"f\xfclm.png")
    path.write_bytes(b"film")
    (film,) = films_of(tmp_path)
    assert film.address.startswith("file:///")
    assert film.address.endswith("f%FClm.png")
    assert local_path(film.address) == path
    assert READER.read(film) == b"film"
    assert address_of(tmp_path / "plain.png") == str(tmp_path / "plain.png")


def test_a_list_names_films_relative_to_itself_and_urls(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    with fsspec.open("memory://listed/b.png", "wb") as file:
        file.write(b"bb")
    listed = tmp_path / "films.txt"
    listed.write_text("# films\n\na.png\nmemory://listed/b.png\ngone.png\n")
    films = films_of(listed)
    assert [film.size for film in films] == [1, 2, None]
    assert [READER.read(film) for film in films[:2]] == [b"a", b"bb"]
    with pytest.raises(FilmRemoved):
        READER.read(films[2])
    listed.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not a list"):
        films_of(listed)


def tar_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_members_of_a_tar_are_read_by_their_place(tmp_path):
    path = tmp_path / "shard-000000.tar"
    content = tar_of({"000.png": b"first", "000.json": b"{}", "deep/001.jpg": b"x" * 700, ".hidden": b"no"})
    path.write_bytes(content)
    films = films_of(path)
    assert [film.address for film in films] == [f"{path}/000.png", f"{path}/deep/001.jpg"]
    assert [READER.read(film) for film in films] == [b"first", b"x" * 700]
    with fsspec.open("memory://tars/shard.tar", "wb") as file:
        file.write(content)
    remote = films_of("memory://tars/shard.tar")
    assert [READER.read(film) for film in remote] == [b"first", b"x" * 700]
    for end in (1024, 1300, 1024 + 1024 + 512 + 100):  # after a member, in a header, in a film
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="not a whole tar"):
            films_of(path)


def test_a_long_listing_says_now_and_then_how_far_it_is(tmp_path, monkeypatch):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"film")
    told: list[int] = []
    sources = [open_source(str(tmp_path), ACCESS)]
    list(identified(sources, READER, "stat", told.append))
    assert told == []
    monkeypatch.setattr("scoring.listing._TELL_EVERY", -1.0)
    list(identified(sources, READER, "stat", told.append))
    assert told == [1, 2, 3]


def test_below_a_url(tmp_path):
    system = fsspec.filesystem("memory")
    for name in ("b.png", "a/c.png", "a/.d.png", "notes.txt"):
        system.pipe(f"/archive/{name}", name.encode())
    films = films_of("memory://archive")
    assert [film.address for film in films] == ["memory:///archive/b.png", "memory:///archive/a/c.png"]
    assert READER.read(films[1]) == b"a/c.png"
    system.pipe("/archive/b.png", b"B.PNG")
    with pytest.raises(FilmChanged):
        READER.read(films[0])
    system.rm("/archive/a/c.png")
    with pytest.raises(FilmRemoved):
        READER.read(films[1])
    assert remote_film("memory://archive/none.png").size is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("films.tar.gz", "found a compressed tar"),
        ("nothing-here", "not found; need a folder"),
        ("film.png", "one file; need a folder"),
        ("memory://nothing/here", "found nothing there"),
        ("nosuchscheme://bucket", "need a folder, a list, a tar, or a URL that fsspec can read"),
        ("dicomweb+ftp://host/x", "need an address like dicomweb"),
    ],
)
def test_what_is_no_source_is_one_clear_line(name, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.png").write_bytes(b"")
    with pytest.raises(DataError, match=why) as told:
        open_source(name, ACCESS)
    assert "\n" not in str(told.value)


def test_a_folder_that_cannot_be_listed_is_said_and_not_left_out(tmp_path, monkeypatch):
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("scoring.sources.folders.os.scandir", refuse)
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        films_of(tmp_path)


def test_by_size_and_time_nothing_is_read_before_and_a_change_is_seen(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"aa")
    os.utime(path, ns=(5, 7))
    (film,) = identified([open_source(str(tmp_path), ACCESS)], READER, "stat")
    assert film.identity == "stat:2:7"
    assert READER.read(film) == b"aa"
    os.utime(path, ns=(5, 8))
    with pytest.raises(FilmChanged):
        READER.read(film)


def test_what_cannot_be_read_is_the_film_s_own_error_and_what_does_not_answer_is_not(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"a")
    (film,) = films_of(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FilmUnreadable, match="Is a directory"):
        READER.read(film)
    asked = []

    def stale(place: Path, wanted: Film) -> bytes:
        asked.append(place)
        if len(asked) == 3:
            return b"a"
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr("scoring.reading._local", stale)
    assert FilmReader(ACCESS, waits=(0, 0)).read(film) == b"a"
    asked.clear()
    with pytest.raises(SourceLost, match="Stale file handle"):
        FilmReader(ACCESS, waits=(0,)).read(film)
    assert len(asked) == 2


def test_a_film_that_was_not_there_at_first_is_not_answered_later(tmp_path):
    (tmp_path / "list.txt").write_text("late.png\n")
    (film,) = films_of(tmp_path / "list.txt")
    (tmp_path / "late.png").write_bytes(b"late")
    with pytest.raises(FilmChanged, match="could not be read when the manifest was made"):
        READER.read(film)


def test_changes_are_counted_and_named(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    films = films_of(tmp_path)
    sources = [open_source(str(tmp_path), ACCESS)]
    assert not compare(sources, lambda: films, READER)
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").write_bytes(b"B")
    os.utime(tmp_path / "c.png", ns=(1, 1))
    (tmp_path / "e.png").write_bytes(b"e")
    found = compare(sources, lambda: films, READER)
    assert found.counts == {"added": 1, "removed": 1, "exchanged": 1}
    assert found.examples["exchanged"] == [str(tmp_path / "b.png")]
    assert len(found.lines()) == 3
    by_stat = [replace(film, identity=f"stat:{film.size}:{film.modified}") for film in films]
    assert compare(sources, lambda: by_stat, READER).counts["exchanged"] == 2  # the touched one too


def test_the_part_of_a_multipart_answer():
    body = b"\r\n--q\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n\r\nfilm\r\n--q--\r\n"
    assert _first_part('multipart/related; type="application/dicom"; boundary=q', body) == b"DICM\r\n\r\nfilm"
    assert _first_part('multipart/related; boundary="q"', body) == b"DICM\r\n\r\nfilm"
    assert _first_part("application/json", body) is None
    assert _first_part("multipart/related; boundary=q", b"--q\r\n") is None


def test_a_pacs_that_is_not_there_is_a_lost_source():
    source = PacsSource("dicomweb+http://127.0.0.1:9/dicom-web", ACCESS)
    with pytest.raises(SourceLost, match="does not answer"):
        list(source.films())
