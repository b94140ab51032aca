"""A network compiled to native code for this machine's processor, by AOTInductor: made, kept and found again.

It lies in the user's own cache, never in an archive: it is a library that a process loads and runs, for one processor.
What it was made for stands beside it, and it is loaded only where all of that holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from model_src.engines.compact import CompactCoroNet
from model_src.errors import ArtefactError
from model_src.machine import cache_folder, processor
from model_src.networks.coronet import CoroNet

_COMPILE = "compile it here: coronet compile ARTEFACT_DIR"
_LARGEST_BATCH = 64


@dataclass(frozen=True)
class MadeFor:
    """What a package was made for, and the SHA-256 of its file."""

    weights: str
    image_size: int
    processor: str
    torch: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Of the file: it names processor and weights."""
        version = self.torch.replace("+", "-")
        return f"coronet-{self.image_size}-{self.weights[:16]}-{self.processor}-torch-{version}.pt2"


def made_for(model: CoroNet, image_size: int) -> MadeFor:
    """What a package for `model` on this machine has to be made for."""
    return MadeFor(weights_digest(model), image_size, processor(), torch.__version__)


def package_folder() -> Path:
    """Where packages are kept."""
    return cache_folder() / "compiled"


def compile_package(model: CoroNet, image_size: int) -> Path:
    """Compile `model` (on the CPU) for this machine; a minute or two.

    Returns:
        The package's file.

    Raises:
        ArtefactError: there is no C++ compiler, or it fails.
        OSError: the cache cannot be written.
    """
    compiler = os.environ.get("CXX") or "g++"
    if shutil.which(compiler) is None:
        raise ArtefactError(f"compiling needs a C++ compiler, found no {compiler}: sudo apt install g++, or set CXX")
    from torch._inductor import aoti_compile_and_package
    from torch.export import Dim, export

    wanted = made_for(model, image_size)
    folder = package_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    chain = CompactCoroNet(model.tfen, model.cin).eval()
    batch = Dim("batch", min=1, max=_LARGEST_BATCH)
    with tempfile.TemporaryDirectory(prefix=".compiling-", dir=folder) as temporary:
        made = Path(temporary) / wanted.name
        try:
            with torch.no_grad():
                program = export(chain, (torch.zeros(2, 1, image_size, image_size),), dynamic_shapes=({0: batch},))
                aoti_compile_and_package(program, package_path=str(made))
        except Exception as error:  # exporter, Inductor and compiler have exceptions of their own
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ArtefactError(f"the network cannot be compiled here ({reason})") from error
        made.chmod(0o600)
        facts = {**asdict(wanted), "sha256": hashlib.sha256(made.read_bytes()).hexdigest()}
        beside = made.with_suffix(".json")
        beside.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        beside.chmod(0o600)
        made.replace(folder / made.name)
        beside.replace(folder / beside.name)  # last: without it the package is not loaded
    return folder / wanted.name


def find_package(model: CoroNet, image_size: int) -> Path:
    """The package for `model` on this machine, whole and this user's own.

    Raises:
        ArtefactError: there is none; it was made for another processor, torch or network; it is damaged, or somebody
            else could have written it.
    """
    wanted = made_for(model, image_size)
    path = package_folder() / wanted.name
    try:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtefactError(f"inductor has no package for these artefacts and this processor; {_COMPILE}") from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {_COMPILE}") from None
    for place in (path, path.with_suffix(".json"), path.parent):
        found = place.stat()
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ArtefactError(
                f"{place}: another user owns it or may write to it, and it holds native code; remove it and {_COMPILE}"
            )
    needed = {**asdict(wanted), "sha256": hashlib.sha256(content).hexdigest()}
    if different := [name for name in needed if not isinstance(facts, dict) or facts.get(name) != needed[name]]:
        raise ArtefactError(f"{path}: was made for another {different[0]} than this; {_COMPILE}")
    return path


def weights_digest(model: CoroNet) -> str:
    digest = hashlib.sha256()
    parts: list[nn.Module] = [model.tfen, model.cin]
    for part in parts:
        for name, value in part.state_dict().items():
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
