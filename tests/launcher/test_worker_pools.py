"""How many workers of which kind, by machine, and the snapshot that tells TorchServe."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from launcher import worker_pools
from launcher.worker_pools import WorkerPool, choose_pools, count_gpus, snapshot
from model_src.errors import ServerError


@pytest.mark.parametrize(
    ("cores", "gpus", "options", "workers"),
    [
        (2, 0, {}, {"coronet": 2, "coronet-explain": 1}),
        (1, 0, {}, {"coronet": 1, "coronet-explain": 1}),
        (64, 0, {}, {"coronet": 4, "coronet-explain": 1}),
        (64, 3, {}, {"coronet": 3, "coronet-explain": 3}),
        (2, 0, {"workers": 5, "explain_workers": 2}, {"coronet": 5, "coronet-explain": 2}),
        (2, 1, {"workers": 5}, {"coronet": 5, "coronet-explain": 1}),
        (2, 0, {"explain_workers": 0}, {"coronet": 2}),
    ],
)
def test_workers(cores, gpus, options, workers):
    assert {pool.model: pool.workers for pool in choose_pools(cores, gpus, **options)} == workers


def test_only_a_gpu_waits_for_a_batch():
    assert [(pool.batch, pool.delay) for pool in choose_pools(2, 0)] == [(1, 1), (1, 1)]
    assert [(pool.batch, pool.delay) for pool in choose_pools(2, 1)] == [(8, 5), (1, 1)]


def test_the_snapshot_has_every_setting_that_torchserve_reads():
    written = json.loads(snapshot([WorkerPool("coronet", 2), WorkerPool("coronet-explain", 1, delay=7)]))
    assert written["modelCount"] == 2
    assert written["models"]["coronet-explain"]["1.0"] == {
        "defaultVersion": True,
        "marName": "coronet.mar",
        "minWorkers": 1,
        "maxWorkers": 1,
        "batchSize": 1,
        "maxBatchDelay": 7,
        "responseTimeout": 1800,
        "startupTimeout": 300,
        "runtimeType": "python",
    }
    assert written["models"]["coronet"]["1.0"]["maxWorkers"] == 2


@pytest.mark.parametrize(
    ("visible", "properties", "found"),
    [
        ("0,1", {}, 2),
        ("0, 1,3", {"number_of_gpu": "2"}, 2),
        ("", {}, 0),
        ("-1", {}, 0),
        (None, {}, 3),
        (None, {"number_of_gpu": "1"}, 1),
        (None, {"number_of_gpu": "8"}, 3),
    ],
)
def test_gpus_are_counted_as_torchserve_does(monkeypatch, visible, properties, found):
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="0\n1\n2\n"))
    assert count_gpus(properties) == found


def test_a_machine_without_nvidia_smi(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    assert worker_pools.count_gpus({}) == 0


def test_gpu_names_that_torchserve_cannot_read(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-12ab")
    with pytest.raises(ServerError, match=r"MIG-12ab.*indices as in 0,1"):
        count_gpus({})
