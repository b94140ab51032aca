"""What a worker process sets once, before it loads a model: threads, float32 precision, repeatable algorithms."""

from __future__ import annotations

import math
import os
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Cores this process may really use: its affinity, and a container's CPU quota (cgroup v2 or v1), at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cpu_quota(cgroup)
    return max(1, min(cores, math.ceil(quota))) if quota else cores


def _cpu_quota(cgroup: Path) -> float | None:
    """A container's limit in cores, or None without one."""
    try:
        if (v2 := cgroup / "cpu.max").is_file():
            limit, period = v2.read_text().split()
        else:
            limit = (cgroup / "cpu/cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text()
        return int(limit) / int(period) if int(limit) > 0 and int(period) > 0 else None
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        return None


def threads_per_worker(workers: int) -> int:
    """Cores divided among the workers, at least 1: more threads than cores make every worker slower.

    An OMP_NUM_THREADS in the environment is the operator's own choice and wins.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    return int(chosen) if chosen.isdigit() and int(chosen) > 0 else max(1, available_cores() // max(1, workers))


def configure_process(workers: int) -> None:
    """Set threads, full float32 and repeatable cuDNN algorithms for this process, which serves one model."""
    torch.set_num_threads(threads_per_worker(workers))
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
