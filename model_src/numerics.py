"""Full float32 and repeatable algorithms, for processes whose figures are compared with those of others."""

from __future__ import annotations

import torch


def set_repeatable_float32() -> None:
    """Turn TensorFloat-32 off, and repeatable cuDNN algorithms on, for the whole process. Changes nothing on a CPU."""
    # TensorFloat-32 has 10 bits of mantissa: probabilities on a GPU would drift from those on a CPU by 1e-3.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False  # it picks algorithms by a race, so not the same ones twice
    torch.backends.cudnn.deterministic = True
