"""What a worker process sets once, before it loads a model: threads, float32 precision, repeatable algorithms."""

from __future__ import annotations

import torch


def configure_process(threads: int) -> None:
    """Set threads, full float32 and repeatable cuDNN algorithms for this process, which serves one model."""
    torch.set_num_threads(threads)
    # TensorFloat-32 has 10 bits of mantissa: probabilities on a GPU would drift from those on a CPU by 1e-3.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False  # it picks algorithms by a race, so not the same ones twice
    torch.backends.cudnn.deterministic = True


def worker_device(gpu_id: object) -> torch.device:
    """`cuda:{gpu_id}` when TorchServe assigned a GPU to this worker and CUDA is there, else the CPU."""
    if gpu_id is None or not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(str(gpu_id)))
    torch.cuda.set_device(device)  # libraries that say plain "cuda" then mean this one
    return device
