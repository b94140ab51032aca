"""Nothing an explanation does to the model or the process outlives it, also when it fails."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def preserved_state(model: nn.Module, seed: int) -> Iterator[None]:
    """Let an explanation work on `model`: evaluation mode, parameters frozen, gradients on, random numbers from `seed`.

    On leaving, whether normally or by an exception, every module's mode, every parameter's requires_grad flag,
    the random states of Python, NumPy and torch (CPU and the CUDA devices in use), the number of threads and the
    gradient mode are as they were. Hooks are never set.
    """
    modes = [(module, module.training) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    python_state, numpy_state, threads = random.getstate(), np.random.get_state(), torch.get_num_threads()
    devices = sorted({p.device.index for p, _ in flags if p.device.type == "cuda" and p.device.index is not None})
    try:
        with torch.random.fork_rng(devices=devices), torch.inference_mode(False), torch.enable_grad():
            model.eval()
            for parameter, _ in flags:
                parameter.requires_grad = False
            reseed(seed)
            yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in flags:
            parameter.requires_grad = flag
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def reseed(seed: int) -> None:
    """Start every random generator that a method or Captum uses from `seed`."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
