"""What a worker of each pool may do, and its share of the cores."""

from __future__ import annotations

import math
import shutil
import tempfile
from dataclasses import replace

import pytest

from handlers import pool_membership as membership_module
from handlers.pool_membership import PoolMembership


@pytest.fixture(autouse=True)
def _own_server(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("OMP_NUM_THREADS", "CORONET_WORKERS", "CORONET_EXPLAIN_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(membership_module, "available_cores", lambda: 8)


@pytest.fixture
def niceness(monkeypatch) -> list[int]:
    """What the process asked to be lowered by."""
    asked: list[int] = []
    monkeypatch.setattr(membership_module.os, "nice", asked.append)
    return asked


def test_one_model_alone_explains_with_all_its_workers(niceness):
    membership = PoolMembership.join("coronet", 1)
    with membership.explaining() as first, membership.explaining() as second:
        assert (first, second) == (math.inf, math.inf)
    assert niceness == []


@pytest.mark.parametrize(("workers", "admitted"), [(1, 0), (2, 1), (4, 3)])
def test_beside_an_explanation_pool_one_worker_is_left_for_predictions(niceness, workers, admitted):
    prediction = [PoolMembership.join("coronet", workers) for _ in range(workers)]
    explainer = PoolMembership.join("coronet-explain", workers)
    entered = [membership.explaining() for membership in prediction]
    try:
        assert [manager.__enter__() for manager in entered] == [*[60] * admitted, 0]
        with explainer.explaining() as seconds:
            assert seconds == math.inf
    finally:
        for manager in entered:
            manager.__exit__(None, None, None)


def test_only_the_explanation_pool_steps_back(niceness):
    assert not PoolMembership.join("coronet", 2).explains
    assert niceness == []
    assert PoolMembership.join("coronet-explain", 2).explains
    assert niceness == [10]


@pytest.mark.parametrize(("workers", "threads"), [(1, 8), (2, 4), (3, 2), (16, 1), (0, 8)])
def test_the_workers_of_a_pool_share_the_cores(niceness, workers, threads):
    assert PoolMembership.join("coronet", workers).threads() == threads


def test_coronet_serve_knows_better_than_the_archive(niceness, monkeypatch):
    monkeypatch.setenv("CORONET_WORKERS", "8")
    monkeypatch.setenv("CORONET_EXPLAIN_WORKERS", "1")
    assert (PoolMembership.join("coronet", 2).workers, PoolMembership.join("coronet", 2).threads()) == (8, 1)
    assert (PoolMembership.join("coronet-explain", 2).workers, PoolMembership.join("coronet-explain", 2).threads()) == (
        1,
        8,
    )
    monkeypatch.setenv("CORONET_WORKERS", "many")
    assert PoolMembership.join("coronet", 2).workers == 2
    assert PoolMembership.join("another-name", 2).workers == 2


@pytest.mark.parametrize(("chosen", "threads"), [("3", 3), ("0", 4), ("many", 4), ("", 4)])
def test_the_operators_thread_count_wins(niceness, monkeypatch, chosen, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    assert PoolMembership.join("coronet", 2).threads() == threads


def test_a_worker_without_a_directory_works_as_if_alone(niceness, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    membership = PoolMembership.join("coronet-explain", 1)
    assert membership.files is None
    assert "explanations may hold up predictions" in caplog.text
    with (
        membership.working() as wanted,
        membership.explaining() as here,
        replace(membership, explains=False).explaining() as there,
    ):
        assert (wanted, here, there) == (True, math.inf, math.inf)


def test_an_announcement_that_was_cleaned_away_comes_back(niceness):
    membership = PoolMembership.join("coronet-explain", 1)
    (membership.files.directory / "explanations").unlink()
    with membership.working():
        assert membership.files.has_explanations()


def test_an_explanation_is_abandoned_by_its_name_in_whichever_pool_that_is_said(niceness):
    predictor, explainer = PoolMembership.join("coronet", 1), PoolMembership.join("coronet-explain", 1)
    name = "0123456789abcdef" * 2
    assert not explainer.abandoned(name)
    predictor.abandon(name)
    assert [explainer.abandoned(each) for each in (name, name[::-1], None, "..")] == [True, False, False, False]
    alone = replace(explainer, files=None)
    alone.abandon(name)
    assert not alone.abandoned(name)


@pytest.mark.parametrize("model", ["coronet", "coronet-explain"])
def test_a_directory_that_is_lost_while_it_works_leaves_a_worker_as_if_alone(niceness, model):
    membership = PoolMembership.join(model, 1)
    PoolMembership.join("coronet-explain", 1)  # a prediction worker alone would otherwise send explanations away
    shutil.rmtree(membership.files.directory)
    membership.files.directory.write_text("in the way")
    with membership.working() as wanted, membership.explaining() as seconds:
        assert (wanted, seconds) == (True, math.inf)


def test_a_failure_inside_is_not_taken_for_a_lost_directory(niceness):
    membership = PoolMembership.join("coronet", 2)
    PoolMembership.join("coronet-explain", 1)
    with pytest.raises(OSError, match="of the work"), membership.working(), membership.explaining():
        raise OSError("of the work")


def test_whether_a_request_is_abandoned_is_no_failure_where_it_cannot_be_known(niceness, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    membership = PoolMembership.join("coronet", 1)
    monkeypatch.setattr("pathlib.Path.exists", refuse)  # as in a directory of another user's
    assert not membership.abandoned("0123456789abcdef" * 2)
