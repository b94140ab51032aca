"""The model of a run, opened from its archive in this process."""

from __future__ import annotations

import math
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
import yaml

from explanations import ExplainOptions
from inference.predictor import Predictor
from model_src.artefacts import INFO_NAME, read_info
from model_src.engines.settings import EngineSettings
from model_src.errors import ArtefactError
from model_src.file_digest import file_digest
from model_src.numerics import set_repeatable_float32
from scoring.settings import Explain

_CONFIG = "model-config.yaml"
_MANIFEST = "MAR-INF/MANIFEST.json"


def open_model(
    archive: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
    batch: int = 1,
    explains: bool = False,
    engine: EngineSettings | None = None,
    sha256: str | None = None,
) -> Predictor:
    """Load a coronet.mar for this process, whose torch gets `threads` threads.

    Args:
        archive: the file.
        device: "cpu" or "cuda".
        threads: of this process.
        batch: films that a GPU classifies at once.
        explains: whether it will explain.
        engine: None: what the archive's model-config.yaml asks for.
        sha256: which the file must have.

    Raises:
        ArtefactError: it is no whole archive of ours, another than it should be, or has no such engine here.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ArtefactError("--device cuda: found no GPU that torch can use; leave --device away for the CPU")
    torch.set_num_threads(threads)
    set_repeatable_float32()
    try:
        if sha256 is not None and file_digest(archive) != sha256:
            raise ArtefactError(f"{archive}: not the model that the run was begun with; begin again in a new folder")
        with zipfile.ZipFile(archive) as packed, tempfile.TemporaryDirectory(prefix="coronet-score-") as name:
            folder = Path(name)
            _extract(packed, INFO_NAME, folder, archive)
            for file in read_info(folder).sha256:
                _extract(packed, file, folder, archive)
            return Predictor(
                folder, device, _version(packed), batch, engine or _engine(packed, archive), explains=explains
            )
    except FileNotFoundError:
        raise ArtefactError(f"{archive}: not found; pack a model: coronet archive ARTEFACT_DIR --out DIR") from None
    except IsADirectoryError:
        raise ArtefactError(f"{archive}: is a folder, need a coronet.mar") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ArtefactError(f"{archive}: not a whole .mar archive ({error}); build or copy it again") from error


def explain_options(predictor: Predictor, explain: Explain) -> ExplainOptions:
    """Options of a method, with all the time it needs. Raises InvalidRequest."""
    return predictor.options({"method": explain.method}, math.inf)


def _extract(packed: zipfile.ZipFile, name: str, folder: Path, archive: Path) -> None:
    try:
        packed.extract(name, folder)
    except KeyError:
        raise ArtefactError(
            f"{archive}: holds no {name}; need an archive made with: coronet archive ARTEFACT_DIR --out MODEL_STORE_DIR"
        ) from None


def _version(packed: zipfile.ZipFile) -> str:
    try:
        return str(yaml.safe_load(packed.read(_MANIFEST))["model"]["modelVersion"])
    except (KeyError, TypeError, yaml.YAMLError):
        return "unknown"


def _engine(packed: zipfile.ZipFile, archive: Path) -> EngineSettings:
    """What the archive's own settings ask for."""
    try:
        section: Any = (yaml.safe_load(packed.read(_CONFIG)) or {}).get("handler") or {}
        return EngineSettings(**{name: section[name] for name in ("engine", "precision") if name in section})
    except KeyError:
        return EngineSettings()
    except (AttributeError, TypeError, yaml.YAMLError):
        raise ArtefactError(f"{archive}: its {_CONFIG} cannot be read; pack the model again") from None
