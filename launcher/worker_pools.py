"""How `coronet serve` runs the one archive: as one model for predictions and one for explanations.

The only place for these numbers; docs/background/serving.md says why.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_src.errors import ServerError
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL
from model_src.time_limits import EXPLAIN_RESPONSE, PREDICT_RESPONSE, WORKER_START

ARCHIVE = "coronet.mar"
_MOST_WORKERS = 4  # on a CPU: each costs about 1.2 GB


@dataclass(frozen=True)
class WorkerPool:
    """One registration of the archive."""

    model: str
    workers: int
    batch: int = 1
    delay: int = 1  # milliseconds that a batch that is not full waits for more; one of 1 never waits
    response_timeout: int = EXPLAIN_RESPONSE  # seconds until TorchServe takes a silent worker for dead
    startup_timeout: int = WORKER_START  # seconds

    def settings(self) -> dict[str, object]:
        """As TorchServe's snapshots have it. All of these must be there: it fails on a missing one."""
        return {
            "defaultVersion": True,
            "marName": ARCHIVE,
            "minWorkers": self.workers,
            "maxWorkers": self.workers,
            "batchSize": self.batch,
            "maxBatchDelay": self.delay,
            "responseTimeout": self.response_timeout,
            "startupTimeout": self.startup_timeout,
            "runtimeType": "python",
        }


def choose_pools(
    cores: int, gpus: int, workers: int | None = None, explain_workers: int | None = None
) -> list[WorkerPool]:
    """The pools for a machine; `workers` and `explain_workers` in place of our own choice, 0 of the latter: one pool.

    On a CPU with few cores every prediction worker has one thread: two single-threaded workers beat one with two
    threads. A worker takes one request at a time, so that none waits for a batch to fill. On a GPU one process keeps
    one device busy, and eight X-rays take it little longer than one.
    """
    # Requests with explanations are worked off one by one: bundled, the first would only wait for the last.
    explainers = (gpus or 1) if explain_workers is None else explain_workers
    timeout = PREDICT_RESPONSE if explainers else EXPLAIN_RESPONSE  # one that hangs is replaced the sooner
    # The figures for GPUs follow from how GPUs work; they were not measured with TorchServe on one.
    if gpus:
        predictions = WorkerPool(PREDICT_MODEL, workers or gpus, batch=8, delay=5, response_timeout=timeout)
    else:
        predictions = WorkerPool(PREDICT_MODEL, workers or min(cores, _MOST_WORKERS), response_timeout=timeout)
    return [predictions, *([WorkerPool(EXPLAIN_MODEL, explainers)] if explainers else [])]


def snapshot(pools: Sequence[WorkerPool]) -> str:
    """The value of config.properties' model_snapshot that makes TorchServe start these pools and nothing else.

    It wins over the archive's model-config.yaml, which is one file for both. The version is the archive's own,
    whatever is written here.
    """
    models = {pool.model: {"1.0": pool.settings()} for pool in pools}
    return json.dumps({"name": "coronet", "modelCount": len(models), "models": models})


def count_gpus(properties: Mapping[str, str]) -> int:
    """GPUs that TorchServe will give to workers, found as it finds them.

    Raises:
        ServerError: CUDA_VISIBLE_DEVICES holds names that TorchServe cannot read.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        try:
            listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return 0
        found = len(listed.split())
    else:
        names = [name.strip() for name in visible.split(",")]
        if names in ([""], ["-1"]):
            return 0
        if not all(name.isdigit() for name in names):
            raise ServerError(f"found CUDA_VISIBLE_DEVICES={visible}, TorchServe needs indices as in 0,1")
        found = len(names)
    cap = properties.get("number_of_gpu", "")
    return min(found, int(cap)) if cap.isdigit() else found
