"""Compiled OpenVINO models in the user's cache: converting a network takes longer than all else in a worker's start."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from model_src.atomic import atomic_write
from model_src.engines.compiled_package import weights_digest
from model_src.machine import cache_folder, processor
from model_src.networks.coronet import CoroNet
from model_src.programs.network import ProgramNetwork

logger = logging.getLogger(__name__)

_MOST_KEPT = 6  # files, of some 45 MB
_CODE = Path(__file__).resolve().parents[1]


def kept_path(model: CoroNet, image_size: int, settings: Mapping[str, Any], versions: list[str]) -> Path | None:
    """Where the compiled `model` is kept, if it is; None for TorchScript, whose code is not known here.

    Args:
        model: loaded from programs, or eager.
        image_size: S.
        settings: everything that decides what is compiled.
        versions: of the libraries.
    """
    parts = (model.tfen, model.cin)
    if any(isinstance(part, torch.jit.ScriptModule) for part in parts):
        return None
    graphs = [repr(part.graph) if isinstance(part, ProgramNetwork) else type(part).__name__ for part in parts]
    facts = [weights_digest(model), graphs, image_size, sorted(settings.items()), versions, processor(), _code_digest()]
    return cache_folder() / "openvino" / f"{hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()}.blob"


def read_kept(path: Path) -> bytes | None:
    """What was kept there, whole; None where nothing was."""
    try:
        digest, _, blob = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return blob if hashlib.sha256(blob).hexdigest().encode() == digest else None


def keep(path: Path, blob: bytes) -> None:
    """Keep a compiled model, and let the oldest go. A cache that cannot be written is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(path) as temporary:
            temporary.write_bytes(hashlib.sha256(blob).hexdigest().encode() + b"\n" + blob)
    except OSError as error:
        logger.info("the compiled network is not kept: %s", error.strerror)
        return
    with suppress(OSError):  # another worker has removed it
        for old in sorted(path.parent.glob("*.blob"), key=lambda file: file.stat().st_mtime)[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)


def _code_digest() -> str:
    """Of the code that makes a network what is compiled: another version of it may compile something else."""
    digest = hashlib.sha256()
    for room in ("engines", "networks", "programs"):
        for file in sorted((_CODE / room).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
