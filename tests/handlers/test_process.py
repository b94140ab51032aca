"""Threads, devices and precision of a worker process."""

from __future__ import annotations

import os

import pytest
import torch

from handlers.process import available_cores, configure_process, threads_per_worker, worker_device


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu.max": "6400000 100000\n"}, 8),
        ({}, 8),
    ],
)
def test_cores_respect_a_containers_quota(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cores(tmp_path) == expected


@pytest.mark.parametrize(("workers", "expected"), [(1, 8), (2, 4), (3, 2), (16, 1), (0, 8)])
def test_workers_share_the_cores(monkeypatch, workers, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("handlers.process.available_cores", lambda: 8)
    assert threads_per_worker(workers) == expected


@pytest.mark.parametrize(("chosen", "expected"), [("3", 3), ("0", 4), ("many", 4), ("", 4)])
def test_the_operators_thread_count_wins(monkeypatch, chosen, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    monkeypatch.setattr("handlers.process.available_cores", lambda: 8)
    assert threads_per_worker(2) == expected


def test_configured_for_full_float32_and_repeatable_results(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    flags = cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    try:
        torch.set_float32_matmul_precision("high")  # what importing TorchServe's BaseHandler does on a GPU
        configure_process(workers=1)
        assert torch.get_num_threads() == 3
        assert torch.get_float32_matmul_precision() == "highest"
        assert (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic) == (False, False, True)
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = flags


def test_device_follows_torchserves_assignment(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert worker_device(0) == torch.device("cpu")
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert worker_device(None) == torch.device("cpu")  # a worker kept on the CPU of a GPU host
    assert worker_device(1) == torch.device("cuda:1")
    assert chosen == [torch.device("cuda:1")]
