"""What a worker process sets once, before it loads a model: threads, float32 precision, repeatable algorithms."""

from __future__ import annotations

import torch

from model_src.numerics import set_repeatable_float32


def configure_process(threads: int) -> None:
    """Set threads, full float32 and repeatable cuDNN algorithms for this process, which serves one model."""
    torch.set_num_threads(threads)
    set_repeatable_float32()


def worker_device(gpu_id: object) -> torch.device:
    """`cuda:{gpu_id}` when TorchServe assigned a GPU to this worker and CUDA is there, else the CPU."""
    if gpu_id is None or not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(str(gpu_id)))
    torch.cuda.set_device(device)  # libraries that say plain "cuda" then mean this one
    return device
