"""The model to evaluate: a run folder (CoroNet or a baseline), an artefact folder, or a coronet.mar."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model_src.artefacts import (
    INFO_NAME,
    KNOWN_FILES,
    ArtefactInfo,
    load_artefacts,
    load_calibration,
    load_certificate,
)
from model_src.calibration.file import Calibration
from model_src.calibration.judge import Judge
from model_src.certificate import Certificate
from model_src.errors import ArtefactError, RunError
from model_src.file_digest import file_digest
from model_src.networks.coronet import Classified, CoroNet
from model_src.weight_files import CIN_NAME, TFEN_NAME
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_model
from train.stages.baselines import XrayResNet

_REPORTED = (
    "image_size", "recipe", "parameters", "cin_trained", "trained_on", "data", "sha256", "preprocessing",
)  # fmt: skip


@dataclass(frozen=True)
class LoadedClassifier:
    """A model on its device; a `evaluation.predictions.Classifier`."""

    name: str
    image_size: int
    provenance: dict[str, Any]
    model: CoroNet | XrayResNet
    device: torch.device
    judge: Judge | None = None  # of calibrated models

    @property
    def coronet(self) -> CoroNet | None:
        """The network, for pictures of its inside; None for a baseline."""
        return self.model if isinstance(self.model, CoroNet) else None

    def classify(self, x: torch.Tensor) -> Classified:
        """Answer for `x` (N, 1, S, S) float32 in [0, 1] on the CPU."""
        return self.model.classify(x.to(self.device))


def load_classifier(path: Path, device: torch.device) -> LoadedClassifier:
    """Whatever `path` is, ready to classify.

    Raises:
        RunError: a run folder of another version, unfinished or damaged; or nothing of the three.
        ArtefactError: an archive or artefact folder that is damaged, changed or of another version.
    """
    if path.is_file():
        return load_archive(path, device)
    if (path / INFO_NAME).is_file():
        network, info = load_artefacts(path, device)
        calibration, certificate = load_calibration(path, info), load_certificate(path, info)
        return _loaded(network, info, path, "CoroNet, artefact folder", device, calibration, certificate)
    if (path / "run.json").is_file():
        return load_run(path, device)
    found = "nothing" if not path.exists() else "a folder without run.json or artefacts.json"
    raise RunError(
        f"{path}: found {found}; need a run folder (coronet train), an artefact folder (coronet export) "
        "or a .mar archive (coronet archive)"
    )


@contextmanager
def artefact_directory(model: Path) -> Iterator[Path]:
    """`model` itself if it is a folder, or a temporary folder with the artefacts of a .mar.

    Raises:
        ArtefactError: not there, not a zip archive, damaged, or without our artefacts.
    """
    if model.is_dir():
        yield model
        return
    with tempfile.TemporaryDirectory(prefix="coronet-mar-") as folder:
        try:
            with zipfile.ZipFile(model) as archive:
                missing = {TFEN_NAME, CIN_NAME, INFO_NAME} - set(archive.namelist())
                if missing:
                    raise ArtefactError(
                        f"{model}: holds no {' and no '.join(sorted(missing))}; "
                        "need an archive made with: coronet archive ARTEFACT_DIR --out MODEL_STORE_DIR"
                    )
                for name in {*KNOWN_FILES} & {*archive.namelist()}:
                    archive.extract(name, folder)
        except FileNotFoundError as error:
            raise ArtefactError(f"{model}: not found; need an artefact folder or a .mar archive") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise ArtefactError(f"{model}: not a whole .mar archive ({error}); build or copy it again") from error
        yield Path(folder)


def load_archive(path: Path, device: torch.device) -> LoadedClassifier:
    """The network inside a .mar, digests checked. Raises ArtefactError as artefact_directory does."""
    with artefact_directory(path) as folder:
        network, info = load_artefacts(folder, device)
        calibration, certificate = load_calibration(folder, info), load_certificate(folder, info)
    return _loaded(network, info, path, "CoroNet, archive", device, calibration, certificate)


def load_run(path: Path, device: torch.device) -> LoadedClassifier:
    """The selected weights of a run. Raises RunError."""
    run = RunFolder(path)
    record = run.record()
    model = load_model(run, device)
    if isinstance(model, CoroNet):
        kind, stages = "CoroNet, run folder", [*(f"fpae_{name}" for name in AUTOENCODERS), "cin"]
        parts: dict[str, nn.Module] = {"tfen": model.tfen, "cin": model.cin}
    else:
        kind, stages = f"{record.model} straight on the X-ray, run folder", [record.model]
        parts = {record.model: model}
    info = ArtefactInfo(
        image_size=record.recipe.image_size,
        recipe=record.recipe.name,
        parameters={name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        cin_trained=record.cin_trained,
        trained_on=record.trained_on,
        data=record.data.model_dump(exclude_none=True),
        sha256={f"{stage}.pt": file_digest(run.weights_path(stage)) for stage in stages},
    )
    return _loaded(model, info, path, kind, device, run.calibration(), run.certificate())


def _loaded(
    model: CoroNet | XrayResNet,
    info: ArtefactInfo,
    path: Path,
    kind: str,
    device: torch.device,
    calibration: Calibration | None,
    certificate: Certificate | None,
) -> LoadedClassifier:
    model.to(memory_format=torch.channels_last)  # half the time on a CPU
    facts = asdict(info)
    provenance = {"kind": kind, "path": str(path)} | {name: facts[name] for name in _REPORTED}
    provenance["certificate"] = certificate.lines() if certificate else None
    return LoadedClassifier(
        path.resolve().name,
        info.image_size,
        provenance | {"warnings": list(info.warnings)},
        model,
        device,
        Judge(calibration) if calibration else None,
    )
