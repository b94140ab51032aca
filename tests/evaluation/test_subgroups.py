"""Figures by source, view, sex and age band; the tables that a source cannot flatter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from evaluation.data_facts import DataFacts, data_remarks
from evaluation.evaluate import evaluate
from evaluation.honest import honest, pair_area, require_sources
from evaluation.intervals import rate
from evaluation.metrics import measure
from evaluation.results import ImageResult, Predictions, read_results, write_results
from evaluation.subgroups import subgroups
from model_src.classes import COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError

Make = Callable[..., list[ImageResult]]


def of(make: Make, source: str, truth: Sequence[int], predicted: Sequence[int], view: str = "PA") -> list[ImageResult]:
    """Results of one source and view, patients of its own."""
    results = make(truth, predicted, [f"{source}{view}{n}" for n in range(len(truth))])
    return [replace(r, source=source, view=view, path=f"{source}/{view}/{r.path}") for r in results]


@pytest.fixture
def results(make_results: Make) -> list[ImageResult]:
    """a: 12 films of all classes, 9 right. b: 10 COVID-19 films, all right. c: three films."""
    a = of(make_results, "a", [0] * 4 + [1] * 4 + [2] * 4, [0] * 4 + [1] * 3 + [2] + [2] * 2 + [1] * 2)
    return a + of(make_results, "b", [2] * 10, [2] * 10, "AP") + of(make_results, "c", [0, 1, 2], [0, 0, 0], "unknown")


def test_every_subgroup_has_its_counts_and_figures(results: list[ImageResult]) -> None:
    a, b, c, pa, ap, unknown = subgroups(results, replicates=50)
    assert [(g.fact, g.value, g.images) for g in (a, b, c, pa, ap, unknown)] == [
        ("source", "a", 12), ("source", "b", 10), ("source", "c", 3),
        ("view", "PA", 12), ("view", "AP", 10), ("view", "unknown", 3),
    ]  # fmt: skip
    assert a.metrics is not None
    assert a.metrics.overall["accuracy"] == rate(9, 12)
    assert a.metrics.per_class["COVID-19"]["sensitivity"] == rate(2, 4)
    assert (a.single_class, b.single_class) == (None, "COVID-19")
    assert b.remark == "only COVID-19 comes from here: telling the source is enough"
    assert ap.remark == "only COVID-19"


def test_a_subgroup_of_few_films_is_counted_and_has_no_figure(results: list[ImageResult]) -> None:
    c = subgroups(results, replicates=50)[2]
    assert (c.images, c.patients, c.classes) == (3, 3, {"Healthy": 1, "Pneumonia": 1, "COVID-19": 1})
    assert c.metrics is None
    assert c.remark == "fewer than 10 films: no figure"
    assert c.as_json()["overall"] is None


def test_no_figure_of_a_subgroup_stands_without_an_interval(results: list[ImageResult]) -> None:
    for group in subgroups(results, replicates=50):
        figures = group.as_json()
        estimates = [*(figures["overall"] or {}).values()]
        estimates += [estimate for row in (figures["per_class"] or {}).values() for estimate in row.values()]
        for estimate in estimates:
            assert (estimate["value"] is None) == (estimate["low"] is None)
            assert estimate["value"] is not None or estimate["note"]
        json.dumps(figures, allow_nan=False)


def test_areas_of_a_class_of_few_films_are_left_out(results: list[ImageResult]) -> None:
    a = subgroups(results, replicates=50)[0]
    assert a.metrics is not None
    assert a.metrics.per_class["COVID-19"]["roc_auc"].note == "fewer than 5 COVID-19 films"
    assert a.metrics.per_class["COVID-19"]["sensitivity"].value == 0.5  # a rate has an interval whatever its count
    assert a.metrics.overall["roc_auc_macro"].value is None


def test_where_nothing_is_known_there_is_no_subgroup(make_results: Make) -> None:
    assert subgroups(make_results([0, 1, 2], [0, 1, 2]), replicates=10) == []


def test_facts_survive_the_csv_and_older_ones_have_none(results: list[ImageResult], tmp_path) -> None:
    write_results(results, tmp_path / "per_image.csv")
    assert [(r.source, r.view) for r in read_results(tmp_path / "per_image.csv")] == [
        (r.source, r.view) for r in results
    ]
    lines = (tmp_path / "per_image.csv").read_text().splitlines()
    (tmp_path / "older.csv").write_text("\n".join(line.rsplit(",", 3)[0] for line in lines))
    assert {r.view for r in read_results(tmp_path / "older.csv")} == {"unknown"}


def test_honest_tables_know_what_training_saw(results: list[ImageResult]) -> None:
    groups, pooled = subgroups(results, replicates=50), measure(Predictions.of(results), replicates=50)
    provenance: dict[str, Any] = {"data": {"train_sources": {"a": {}, "x": {}}}}
    found = honest(results, groups, pooled, provenance, ["a"], replicates=50)
    assert found.training_sources == ("a", "x")
    assert [group.value for group in found.unseen] == ["b", "c"]
    assert [group.value for group in found.one_source] == ["a", "c"]
    assert found.paper.images == 12
    assert found.paper.overall["accuracy"] == rate(9, 12)
    assert {(p.source, p.view, p.other, p.covid, p.others) for p in found.pairs if p.source == "a"} == {
        ("a", "all", "Pneumonia", 4, 4), ("a", "PA", "Pneumonia", 4, 4),
        ("a", "all", "Healthy", 4, 4), ("a", "PA", "Healthy", 4, 4),
    }  # fmt: skip
    nameless = honest(results, groups, pooled, {}, replicates=50)
    assert nameless.training_sources is None
    assert not nameless.unseen
    assert nameless.paper is pooled
    # Films of a source without a name may be of any.
    assert not honest(
        results, groups, pooled, {"data": {"train_sources": {"a": {}, "unknown": {}}}}, replicates=50
    ).unseen


def test_covid_against_another_class_by_hand(make_results: Make) -> None:
    # Scores p(COVID) / (p(COVID) + p(Pneumonia)): predicted COVID 8/9, Pneumonia 1/9, Healthy 1/2.
    # COVID films: 4 at 8/9, 1 at 1/2; Pneumonia: 4 at 1/9, 1 at 8/9.
    # Pairs 25: 4*4 won, 4 tied with 8/9; 1/2 wins 4 and loses 1: (16 + 2 + 4) / 25.
    films = make_results([2] * 5 + [1] * 5, [2] * 4 + [0] + [1] * 4 + [2])
    area = pair_area(films, PNEUMONIA, replicates=200)
    assert area.value == pytest.approx(22 / 25)
    assert area.low is not None
    assert area.high is not None
    assert area.low < 22 / 25 < area.high
    few = make_results([COVID] * 9 + [HEALTHY] * 4, [COVID] * 13)
    assert pair_area(few, HEALTHY, replicates=10).note == "fewer than 5 films of a class"


def test_sources_without_a_film_are_refused() -> None:
    require_sources(["a"], ["a", "b", ""])
    with pytest.raises(DataError, match=r"--paper-sources: no film of c; this split has films of a, b"):
        require_sources(["a", "c"], ["a", "b", ""])
    with pytest.raises(DataError, match="no source that is named"):
        require_sources(["a"], [""])


def test_a_class_of_one_source_alone_is_warned_of(centre_reader, write_images) -> None:
    examples = write_images([0, 0, 1, 2, 2])
    sources = ["a", "b", "a", "c", "c"]
    examples = [replace(e, source=source) for e, source in zip(examples, sources, strict=True)]
    found = evaluate(centre_reader, examples, [examples[0].path.parent], replicates=10)
    remarks = " ".join(data_remarks(found, DataFacts("x", "test", "x-rays", 0, notes=("a note",))))
    assert remarks.startswith("A note.")
    assert "A class of one source alone: Pneumonia (a). Nothing here" in remarks
    assert "All COVID-19 images come from c, which gave no image of another class" in remarks
    assert "Healthy" not in remarks
