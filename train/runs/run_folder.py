"""RUN_DIR: everything to rebuild, resume or evaluate one training.

run.json            format version, id, model, recipe, seed, data summary and more (train/runs/run_record.py)
fpae_healthy.pt     state dicts of the finished stages; a stage is done when its file is there
fpae_pneumonia.pt
cin.pt              (for a baseline its name: resnet18.pt, resnet50.pt or efficientnet_lite2.pt)
history.csv         one row per stage and epoch
metrics.json        validation figures of the selected weights
calibration.json    what validation films say of the answers (train/calibration)
certificate.json    which explanation methods have stood which tests (coronet certify)
checkpoints/        the state of a stage under way
cache/              decoded images and residuals; may be deleted when the run is done
"""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model_src.atomic import atomic_write
from model_src.calibration.file import CALIBRATION_FILE, CALIBRATION_NAME, Calibration
from model_src.certificate import CERTIFICATE_FILE, CERTIFICATE_NAME, Certificate
from model_src.errors import RunError
from model_src.file_digest import file_digest
from model_src.networks.cin import CIN
from model_src.networks.coronet import CoroNet
from model_src.networks.efficient_cin import EfficientCIN
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS
from train.runs.run_record import RunRecord, read_record
from train.stages.baselines import BASELINES, XrayResNet

AUTOENCODERS = ("healthy", "pneumonia")
HISTORY_COLUMNS = (
    "stage", "epoch", "loss", "validation_loss", "validation_balanced_accuracy", "learning_rate", "images_per_s",
)  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """Paths and files of one run."""

    path: Path

    @property
    def cache(self) -> Path:
        """Where decoded images and residuals of this run go unless told otherwise."""
        return self.path / "cache"

    def weights_path(self, stage: str) -> Path:
        """The state dict of a finished stage: "fpae_healthy", "fpae_pneumonia", "cin" or a baseline's name."""
        return self.path / f"{stage}.pt"

    def check_free(self) -> None:
        """Raise RunError unless a run can start here: a folder that is new, empty, or of a run not yet begun."""
        in_use = self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir()))
        if in_use and not self._only_announced():
            raise RunError(f"{self.path}: not empty; choose a new folder, or --resume to continue the run in it")

    def create(self, record: RunRecord) -> None:
        """Start a run.

        Raises:
            RunError: as `check_free`; or the folder cannot be written.
        """
        self.check_free()
        with _explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.write_record(record)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training in this folder while the block lasts. Makes the folder.

        Raises:
            RunError: another process trains in it, or it is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path}: is a file; choose a new folder")
        with _explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however it ends
            except BlockingIOError:
                raise RunError(
                    f"{self.path}: another process trains in it; wait until it is done, or choose a new folder"
                ) from None
            yield
        finally:
            os.close(descriptor)

    @property
    def begun(self) -> bool:
        """Whether a stage has left something here: after an epoch, or with weights of another run."""
        return (self.path / "history.csv").exists() or any(self.path.glob("*.pt"))

    def _only_announced(self) -> bool:
        """Whether the folder is a run's that ended before its first epoch, as where an image cannot be read."""
        if self.begun or {path.name for path in self.path.iterdir()} - {"run.json", "cache"}:
            return False
        try:
            self.record()
        except RunError:
            return False
        return True

    def record(self) -> RunRecord:
        """What run.json says. Raises RunError if it is missing or of another version."""
        return read_record(self.path / "run.json")

    def write_record(self, record: RunRecord) -> None:
        """Write run.json, whole."""
        self.write_json("run.json", record.as_dict())

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file of the run."""
        with _writing(self.path / name) as temporary:
            temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def read_metrics(self) -> dict[str, Any]:
        """The contents of metrics.json, empty before the first stage is done. Raises RunError for a damaged file."""
        path = self.path / "metrics.json"
        if not path.is_file():
            return {}
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{path}: cannot be read ({error}); restore it or train again") from error
        if not isinstance(metrics, dict):
            raise RunError(f"{path}: found {type(metrics).__name__}, need an object; restore it or train again")
        return metrics

    def save_weights(self, stage: str, weights: dict[str, Tensor], metrics: dict[str, Any]) -> None:
        """Finish a stage: its metrics, then its weights, then away with its checkpoint."""
        self.write_json("metrics.json", self.read_metrics() | {stage: metrics})
        with _writing(self.weights_path(stage)) as temporary:
            temporary.write_bytes(tensor_bytes({name: value.cpu().contiguous() for name, value in weights.items()}))
        self.checkpoint_path(stage).unlink(missing_ok=True)

    def load_weights(self, stage: str) -> dict[str, Tensor]:
        """State dict of a finished stage. Raises RunError."""
        return read_state_dict(self.weights_path(stage))

    def weights_digests(self) -> dict[str, str]:
        """File name -> SHA-256 of all finished stages' weights."""
        return {path.name: file_digest(path) for path in sorted(self.path.glob("*.pt"))}

    def write_calibration(self, calibration: Calibration) -> None:
        """Write calibration.json."""
        with _writing(self.path / CALIBRATION_NAME) as temporary:
            temporary.write_text(CALIBRATION_FILE.text(calibration), encoding="utf-8")

    def calibration(self) -> Calibration | None:
        """What calibration.json says, None where there is none. Raises ArtefactError: damaged, or of other weights."""
        path = self.path / CALIBRATION_NAME
        return CALIBRATION_FILE.read(path, self.weights_digests()) if path.exists() else None

    def write_certificate(self, certificate: Certificate) -> None:
        """Write certificate.json."""
        with _writing(self.path / CERTIFICATE_NAME) as temporary:
            temporary.write_text(CERTIFICATE_FILE.text(certificate), encoding="utf-8")

    def certificate(self) -> Certificate | None:
        """What certificate.json says, None where there is none. Raises ArtefactError: damaged, or of other weights."""
        path = self.path / CERTIFICATE_NAME
        return CERTIFICATE_FILE.read(path, self.weights_digests()) if path.exists() else None

    def save_checkpoint(self, stage: str, state: dict[str, Any], row: dict[str, Any]) -> None:
        """Keep the state after an epoch and add its row to history.csv."""
        rows = [
            old
            for old in self.history()
            if (old["stage"], int(old["epoch"])) < (stage, row["epoch"]) or old["stage"] != stage
        ]
        with _writing(self.path / "history.csv") as temporary, temporary.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, HISTORY_COLUMNS)
            writer.writeheader()
            writer.writerows([*rows, {"stage": stage, **row}])
        with _writing(self.checkpoint_path(stage)) as temporary:
            temporary.write_bytes(tensor_bytes(state))

    def load_checkpoint(self, stage: str) -> dict[str, Any] | None:
        """The state after the last whole epoch of a stage under way, None if it has not begun. Raises RunError."""
        path = self.checkpoint_path(stage)
        return _load(path, "delete it to start this stage again") if path.exists() else None

    def history(self) -> list[dict[str, str]]:
        """The rows of history.csv. Raises RunError for a damaged file."""
        path = self.path / "history.csv"
        if not path.exists():
            return []
        try:
            with path.open(newline="", encoding="utf-8") as stream:
                rows = list(csv.DictReader(stream))
            if any(set(row) != set(HISTORY_COLUMNS) or None in row.values() for row in rows):
                raise ValueError("not a row for each stage and epoch")
        except (ValueError, csv.Error) as error:
            raise RunError(f"{path}: cannot be read ({error}); delete it, its rows then begin anew") from error
        return rows

    def checkpoint_path(self, stage: str) -> Path:
        """Where the state of a stage under way is kept."""
        return self.path / "checkpoints" / f"{stage}.pt"


def tensor_bytes(content: Any) -> bytes:
    """What torch.save writes, to be written in one go: torch.save itself hides why it cannot write."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A plain state dict from a file. Raises RunError if it is missing, damaged or something else."""
    state = _load(path, "need a PyTorch state dict (.pt or .pth)")
    if not isinstance(state, dict) or not all(isinstance(n, str) and isinstance(v, Tensor) for n, v in state.items()):
        raise RunError(f"{path}: not a plain state dict; need a dict of name -> tensor saved with torch.save")
    return state


def load_into(module: nn.Module, weights: dict[str, Tensor], where: Path) -> None:
    """Load a state dict; RunError names what does not fit."""
    try:
        module.load_weights(weights) if isinstance(module, CIN | EfficientCIN) else module.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise RunError(f"{where}: weights do not fit {type(module).__name__} ({reason})") from error


def load_model(run: RunFolder, device: torch.device | str = "cpu") -> CoroNet | XrayResNet:
    """The run's whole model from its weights, in evaluation mode, without gradients. Raises RunError."""
    name = run.record().model
    model: CoroNet | XrayResNet
    if name in BASELINES:
        model = XrayResNet(name)
        load_into(model, run.load_weights(name), run.weights_path(name))
    elif name == "coronet":
        autoencoders = []
        for stage in AUTOENCODERS:
            autoencoders.append(FPAE())
            load_into(autoencoders[-1], run.load_weights(f"fpae_{stage}"), run.weights_path(f"fpae_{stage}"))
        settings = run.record().recipe.cin
        model = CoroNet(TFENS[settings.third_map](*autoencoders), CINS[settings.network]())
        load_into(model.cin, run.load_weights("cin"), run.weights_path("cin"))
    else:
        raise RunError(f"{run.path / 'run.json'}: found model {name!r}, need coronet, {', '.join(BASELINES)}")
    return model.to(device).eval().requires_grad_(False)


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """`atomic_write`, for a run that can be continued when there is room again."""
    with _explained(path), atomic_write(path) as temporary:
        yield temporary


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file of the run cannot be written, and what to do."""
    try:
        yield
    except OSError as error:
        advice = "choose another --out"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "free some room, then continue with --resume"
        raise RunError(f"{path}: cannot be written ({error.strerror}); {advice}") from error


def _load(path: Path, advice: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunError(
            f"{path}: not found; the stage that makes it has not finished: coronet train ... --resume"
        ) from None
    except Exception as error:  # a cut or foreign file fails in many ways, all of them mean the same
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise RunError(f"{path}: cannot be read ({reason}); {advice}") from error
