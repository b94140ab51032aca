"""The engine for GPUs: which batch a request is put into, and what it says where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model_src.engines.choose import open_engine
from model_src.engines.cuda_graph_engine import BATCHES, CudaGraphEngine
from model_src.engines.settings import EngineSettings
from model_src.errors import ArtefactError
from model_src.networks.coronet import CoroNet

ROOT = Path(__file__).parents[3]
GPU = torch.device("cuda", 0)
SIZE = 8


class _Recorder:
    """Stands for graphs: answers each image with its own mean gray, and notes what was recorded and asked."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.asked: list[tuple[int, int]] = []  # the batch, and the images in it

    def __call__(self, batch: int) -> Callable[[Tensor], Tensor]:
        self.recorded.append(batch)

        def answer(x: Tensor) -> Tensor:
            self.asked.append((batch, len(x)))
            return x.mean(dim=(1, 2, 3))[:, None].repeat(1, 6)

        return answer


def _images(count: int) -> Tensor:
    return (torch.arange(count) / 200)[:, None, None, None].expand(-1, 1, SIZE, SIZE)


def test_a_request_is_put_into_the_next_batch_and_a_large_one_is_cut() -> None:
    recorder = _Recorder()
    engine = CudaGraphEngine(recorder, SIZE, "float16")
    for count in (3, 1, 150, 4):
        x = _images(count)
        found = engine.classify(x)
        torch.testing.assert_close(found.probabilities, x.mean(dim=(1, 2, 3))[:, None].expand(-1, 3))
        assert found.residual_means is not None
        assert found.summary is not None
        assert (found.residual_means.shape, found.summary.shape) == ((count, 2), (count, 1))
    assert recorder.asked == [(4, 3), (1, 1), (64, 64), (64, 64), (32, 22), (4, 4)]
    assert recorder.recorded == [4, 1, 64, 32]  # each once


def test_batches_whose_maps_would_be_too_large_to_address_are_not_recorded() -> None:
    recorder = _Recorder()
    CudaGraphEngine(recorder, 1024, "float16").classify(torch.zeros(1, 1, 1, 1).expand(64, 1, 1, 1))
    assert [images for _, images in recorder.asked] == [32, 32]  # 64 maps of 32 channels have 2^31 values
    assert max(BATCHES) == 64


def test_callers_do_not_share_the_buffers() -> None:
    inside, most, seen = 0, 0, threading.Lock()

    def record(batch: int) -> Callable[[Tensor], Tensor]:
        def answer(x: Tensor) -> Tensor:
            nonlocal inside, most
            with seen:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.02)
            with seen:
                inside -= 1
            return torch.zeros(len(x), 6)

        return answer

    engine = CudaGraphEngine(record, SIZE, "float16")
    threads = [threading.Thread(target=engine.classify, args=(_images(1),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_it_is_for_gpus_in_half_precision() -> None:
    assert CudaGraphEngine.supports(torch.device("cpu"), "float16") == "is for NVIDIA GPUs"
    assert CudaGraphEngine.supports(GPU, "float32") == "has no float32"
    assert CudaGraphEngine.supports(GPU, "float16") is None


def test_a_machine_that_cannot_have_it_says_so_in_one_line(random_chain: CoroNet, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "model_src.engines.fused_chain", None)  # as where there is no Triton
    with pytest.raises(
        ArtefactError, match=r"cuda cannot run on cuda:0 \(ModuleNotFoundError: .+\); set engine: torch"
    ):
        open_engine(random_chain, 32, GPU, EngineSettings("cuda", "float16"))


def test_a_machine_without_a_gpu_needs_no_triton() -> None:
    code = "import sys; sys.modules['triton'] = None; import model_src.engines.cuda_graph_engine"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_gpu_answers_as_the_artefacts_whatever_the_batch(random_chain: CoroNet, precision: str) -> None:
    engine = CudaGraphEngine.open(random_chain, 64, GPU, precision, None)
    x = torch.rand(9, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = random_chain.cpu().classify(x)
    for count in (1, 3, 9):
        found = engine.classify(x[:count])
        torch.testing.assert_close(found.probabilities, expected.probabilities[:count], atol=1e-2, rtol=0)
        torch.testing.assert_close(found.residual_means, expected.residual_means[:count], atol=1e-2, rtol=0)
