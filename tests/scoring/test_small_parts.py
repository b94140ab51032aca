"""Progress, settings, the rule of explanations, manifest and columns: each with an answer worked out by hand."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from inference.results import Explanation, Prediction, XrayInfo
from model_src.errors import DataError
from scoring.columns import COLUMNS
from scoring.film import Film
from scoring.manifest import read_films, read_shard, shard_digest, write_manifest
from scoring.part import PartCounts, part_bytes, read_counts, read_settings
from scoring.progress import Progress, duration
from scoring.scored_film import Error, ScoredFilm
from scoring.settings import Explain, ExplainRule, ScoreSettings, parse_rule
from scoring.suspects import Suspects
from scoring.tasks import PartDone, Task


def test_progress_tells_films_rate_time_left_and_errors():
    now = [0.0]
    progress = Progress(1000, PartCounts(95, 5), io.StringIO(), clock=lambda: now[0])
    now[0] = 10.0
    progress.films(1, PartCounts(45, 5))
    assert progress.line() == "150 of 1,000 films (15%), 5.0 films/s, 3 min left, 10 errors so far"
    progress.again(1)  # whoever had the shard died
    assert progress.line().startswith("100 of 1,000 films")
    progress.part(PartDone(1, PartCounts(50, 0)))
    assert progress.line().startswith("150 of 1,000 films")
    assert progress.parts == PartCounts(145, 5)


def test_progress_in_a_log_is_a_line_every_half_minute():
    now, stream = [0.0], io.StringIO()
    progress = Progress(10, PartCounts(), stream, clock=lambda: now[0])
    for now[0] in (1.0, 29.0, 31.0, 40.0, 62.0):
        progress.tick()
    assert stream.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (600, "10 min"), (27_000, "7.5 h"), (1_036_800, "12 days")]
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("all", None),
        ("Pneumonia", ExplainRule(1, 0.0)),
        ("covid-19 >= 0.5", ExplainRule(2, 0.5)),
        ("COVID-19>=1", ExplainRule(2, 1.0)),
    ],
)
def test_rules_of_explanations(text, rule):
    assert parse_rule(text) == rule


@pytest.mark.parametrize("text", ["", "Tuberculosis", "COVID-19>0.5", "COVID-19>=2", "COVID-19>=x", "COVID-19>=0.5.5"])
def test_a_rule_that_is_none_is_one_clear_line(text):
    with pytest.raises(DataError, match=r"--explain-when: found .* need all, a class"):
        parse_rule(text)


def test_a_rule_takes_films_with_its_label_and_probability():
    assert ExplainRule(2, 0.5).takes(2, 0.5)
    assert not ExplainRule(2, 0.5).takes(2, 0.4)
    assert not ExplainRule(2, 0.5).takes(1, 0.9)


def test_whatever_changes_answers_changes_the_digest():
    settings = ScoreSettings("openvino", "float32", versions={"torch": "2"})
    others = [
        dataclasses.replace(settings, threads=2),
        dataclasses.replace(settings, versions={"torch": "3"}),
        dataclasses.replace(settings, explain=Explain("saliency")),
        dataclasses.replace(settings, explain=Explain("saliency", ExplainRule(2, 0.5))),
    ]
    digests = {each.digest("model") for each in (settings, *others)} | {settings.digest("another model")}
    assert len(digests) == 6
    assert settings.differences(others[1]) == ["torch 3 where it was begun with 2"]
    assert settings.differences(settings) == []


def test_a_manifest_is_cut_into_shards_and_read_back(tmp_path):
    films = [Film(f"/f/{n}.png", n, 7, f"sha256:{n}") for n in range(5)]
    path = tmp_path / "manifest.parquet"
    facts = write_manifest(iter(films), path, 2)
    assert facts.films == 5
    assert read_shard(path, 1) == films[2:4]
    assert list(read_films(path)) == films
    assert facts.shards == [shard_digest(films[start : start + 2]) for start in (0, 2, 4)]
    touched = [dataclasses.replace(film, modified=8) for film in films]
    assert shard_digest(touched[:2]) == facts.shards[0]  # the time is no part of what a film is
    assert shard_digest([dataclasses.replace(films[0], identity="sha256:x"), films[1]]) != facts.shards[0]


def answered(row: int, **changes: object) -> ScoredFilm:
    found = Prediction((0.25, 0.5, 0.25), 1, (0.125, 0.25), XrayInfo("PNG", 40, 30, ("small",)), "1.0")
    return ScoredFilm(row, Film(f"/f/{row}.png"), 9, "ab" * 32, None, dataclasses.replace(found, **changes))


def test_a_part_has_the_same_bytes_twice_and_says_what_is_in_it(tmp_path):
    films = [answered(0), ScoredFilm(1, Film("/f/1.png"), None, None, None, Error("FilmRemoved", "is gone"))]
    content = part_bytes(films, "settings")
    assert part_bytes(films, "settings") == content
    path = tmp_path / "part.parquet"
    path.write_bytes(content)
    assert (read_counts(path), read_settings(path)) == (PartCounts(1, 1), "settings")
    first, second = pq.read_table(path).to_pylist()
    assert list(first) == [column.name for column in COLUMNS]
    assert (first["label"], first["probability_pneumonia"], first["residual_pneumonia"]) == ("Pneumonia", 0.5, 0.25)
    assert (first["image_width"], first["image_height"], first["warnings"]) == (40, 30, ["small"])
    assert (first["in_scope"], first["prediction_set_90"]) == (None, None)
    assert (second["error"], second["error_message"], second["label"]) == ("FilmRemoved", "is gone", None)
    assert b"20" + b"26-" not in content  # no date


def test_a_map_stands_in_its_row(tmp_path):
    film = answered(0)
    shown = Explanation(
        film.answer, "saliency", 2, 1, 0, "", np.float32([[0, 1]]), np.zeros((3, 1, 1)), 0.5, 0.1, 0.25, 0.75
    )
    path = tmp_path / "part.parquet"
    refused = dataclasses.replace(film, row=1, explanation=Error("OutOfMemory", "too large"))
    path.write_bytes(part_bytes([dataclasses.replace(film, explanation=shown), refused], ""))
    first, second = pq.read_table(path).to_pylist()
    assert (first["heatmap"], first["explanation_target"]) == ([[0.0, 1.0]], "COVID-19")
    assert (first["deletion"], first["insertion"], first["explanation_error"]) == (0.25, 0.75, None)
    assert (second["heatmap"], second["explanation_error"], second["error"]) == (None, "too large", None)


def test_a_film_is_lost_after_two_deaths_and_not_before():
    suspects = Suspects()
    assert suspects.task(7) == Task(7)
    suspects.died(suspects.task(7), None)
    assert suspects.task(7) == Task(7, careful=True)
    suspects.died(suspects.task(7), 30)
    assert suspects.task(7).lost == frozenset()
    suspects.died(suspects.task(7), 30)
    assert suspects.task(7) == Task(7, frozenset({30}), careful=True)
    assert suspects.task(8) == Task(8)
