"""What a failure inside the model means: too little memory, a lost device, or a defect.

TorchScript and CUDA wrap one another's exceptions, so a failure is told by its text where its type is lost.
"""

from __future__ import annotations

import torch

from model_src.errors import OutOfMemory

_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "not enough memory")
_LOST_TEXTS = ("CUDA error", "device-side assert", "CUDNN_STATUS_EXECUTION_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether host or device memory ran out: smaller work may succeed."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or _says(error, _MEMORY_TEXTS)


def is_device_lost(error: BaseException) -> bool:
    """Whether the CUDA context is beyond use: after a device-side assert every later call of this process fails."""
    return isinstance(error, RuntimeError) and not is_out_of_memory(error) and _says(error, _LOST_TEXTS)


def out_of_memory() -> OutOfMemory:
    """The answer for one request that needs more memory than there is."""
    return OutOfMemory("this request needs more memory than the server has; send a smaller image or fewer at once")


def _says(error: BaseException, texts: tuple[str, ...]) -> bool:
    message = str(error)
    return any(text in message for text in texts)
