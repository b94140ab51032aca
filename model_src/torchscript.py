"""TorchScript, the first artefact format: compile, save and load modules.

PyTorch marks TorchScript as deprecated in favour of torch.export, whose programs lie beside these files
(model_src/programs). It stays because `torch.jit.load` needs nothing else to run an artefact, and for artefacts that
have nothing else. The warning is silenced here, only here.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO

import torch
from torch import nn

from model_src.errors import ArtefactError


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        yield


def script(module: nn.Module) -> torch.jit.ScriptModule:
    """Compile `module` in evaluation mode, without gradients for its parameters."""
    module = module.eval().requires_grad_(False)
    with _quiet():
        return torch.jit.script(module)


def freeze(module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """`module` with its weights and modes folded into the code as constants."""
    with _quiet():
        return torch.jit.freeze(module)


def save(module: torch.jit.ScriptModule, to: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a compiled module to a path or an open file."""
    with _quiet():
        torch.jit.save(module, os.fspath(to) if isinstance(to, str | os.PathLike) else to)


def load(
    path: str | os.PathLike[str], device: torch.device | str = "cpu", content: bytes | None = None
) -> torch.jit.ScriptModule:
    """Load a compiled module onto `device`, in evaluation mode, without gradients for its parameters.

    Args:
        path: the file.
        device: where the weights go.
        content: the file's bytes, if they were read (and checked) already: the file is then not read again.

    Raises:
        ArtefactError: the file is missing or is no TorchScript.
    """
    source = os.fspath(path) if content is None else BytesIO(content)
    try:
        with _quiet():
            module = torch.jit.load(source, map_location=device)
    except (RuntimeError, ValueError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ArtefactError(
            f"{path}: not a TorchScript file that this torch can load ({reason}); export it again"
        ) from error
    for parameter in module.parameters():  # ScriptModules have no requires_grad_()
        parameter.requires_grad = False
    return module.eval()
