"""Threads, devices and precision of a worker process."""

from __future__ import annotations

import torch

from handlers.process import configure_process, worker_device


def test_configured_for_full_float32_and_repeatable_results():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    flags = cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic
    try:
        torch.set_float32_matmul_precision("high")  # what importing TorchServe's BaseHandler does on a GPU
        configure_process(threads=3)
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
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert worker_device(None) == torch.device("cpu")  # a worker kept on the CPU of a GPU host
    assert worker_device(1) == torch.device("cuda:1")
    assert chosen == [torch.device("cuda:1")]
