"""Films from a folder, results into another, as a module of mercure does."""

from __future__ import annotations

import json

import pytest
from pydicom import dcmread

from client.tokens import TOKEN_VARIABLE
from model_src.errors import DataError, OutputError
from pacs import folder_mode
from pacs.folder_mode import run_folder
from pacs.scoring import Scorer
from pacs.settings import Explanation, Retries, Scoring
from tests.fixtures.films import MARK, film, film_uid
from tests.fixtures.scoring_server import TOKEN, result_uid


@pytest.fixture
def scorer(scoring, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    monkeypatch.setattr(folder_mode, "_RETRIES", Retries(tries=3, first_seconds=0.01, longest_seconds=0.01))
    return Scorer(Scoring(url=scoring.url), Explanation(method="saliency"))


@pytest.fixture
def folders(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "task.json").write_text("{}")
    return source, target


def test_results_lie_in_the_folder_as_mercure_wants_them(scorer, folders, capsys):
    source, target = folders
    (source / "1.2#1.2.3.dcm").write_bytes(film(1))
    (source / "1.2#1.2.4.dcm").write_bytes(film(2, ViewPosition="LL"))
    assert run_folder(source, target, scorer) == 0
    names = {f"{result_uid(film_uid(1), f'series of {name}')}#{result_uid(film_uid(1), name)}.dcm": name
             for name in ("report", "picture")}  # fmt: skip
    assert {path.name for path in target.iterdir()} == {*names, "result.json"}
    assert {dcmread(target / name).Modality for name in names} == {"SR", "OT"}
    found = json.loads((target / "result.json").read_text())
    assert found["__mercure_notification"]["text"] == (
        "Pneumonia: 1, without an answer: 1; research use only, not for diagnosis"
    )
    answered, left_out = found["results"]
    assert (answered["file"], answered["label"], set(answered["objects"])) == ("1.2#1.2.3.dcm", "Pneumonia", set(names))
    assert left_out == {
        "file": "1.2#1.2.4.dcm",
        "left_out": "found a lateral or other view, need a frontal one (PA, AP)",
    }
    assert MARK not in "".join(capsys.readouterr())


def test_a_folder_in_it_is_not_read_and_that_is_said(scorer, folders, capsys):
    source, target = folders
    (source / "a.dcm").write_bytes(film(1))
    (source / "more").mkdir()
    (source / "more" / "b.dcm").write_bytes(film(2))
    assert run_folder(source, target, scorer) == 0
    *_, last = json.loads((target / "result.json").read_text())["results"]
    assert last == {"file": "more", "left_out": "found a folder, need files"}
    assert "coronet: more: left out: found a folder, need files\n" in capsys.readouterr().err


def test_a_server_that_comes_back_is_waited_for(scorer, folders, scoring):
    source, target = folders
    (source / "a.dcm").write_bytes(film(1))
    scoring.fail = lambda uid: (503, "Overloaded") if scoring.asked[uid] < 3 else None
    assert run_folder(source, target, scorer) == 0
    assert scoring.asked[film_uid(1)] == 3


@pytest.mark.parametrize("kind", [(503, "Overloaded"), (406, "NotAcceptable")])
def test_a_film_that_is_not_answered_is_status_1_and_the_others_are(scorer, folders, scoring, capsys, kind):
    source, target = folders
    for number in (1, 2):
        (source / f"{number}.dcm").write_bytes(film(number))
    scoring.fail = lambda uid: kind if uid == film_uid(1) else None
    assert run_folder(source, target, scorer) == 1
    failed, answered = json.loads((target / "result.json").read_text())["results"]
    assert failed["failed"].endswith(f"({kind[1]})")
    assert answered["label"] == "Pneumonia"
    said = capsys.readouterr().err
    assert f"1.dcm: server: {kind[1]}" in said
    assert MARK not in said  # which the server has quoted


def test_folders_that_are_none_are_one_line(scorer, folders, tmp_path):
    source, target = folders
    with pytest.raises(DataError, match="found no file in it"):
        run_folder(source, target, scorer)
    with pytest.raises(DataError, match="found no such folder"):
        run_folder(tmp_path / "none", target, scorer)
    (source / "a.dcm").write_bytes(film(1))
    with pytest.raises(OutputError, match="--out"):
        run_folder(source, source / "a.dcm", scorer)
