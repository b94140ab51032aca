"""ARTEFACT_DIR: the networks' files, the `artefacts.json` that describes them; perhaps calibration and certificate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from model_src.atomic import atomic_directory
from model_src.beside_weights import Content, WeightsFile
from model_src.calibration.file import CALIBRATION_FILE, CALIBRATION_NAME, Calibration
from model_src.certificate import CERTIFICATE_FILE, CERTIFICATE_NAME, Certificate
from model_src.check_images import CHECK_IMAGES_NAME, read_check_images
from model_src.classes import CLASS_NAMES, RESEARCH_USE
from model_src.errors import ArtefactError
from model_src.imaging.xray import PREPROCESSING_VERSION
from model_src.networks.coronet import CoroNet
from model_src.networks.fpae import SIZE_MULTIPLE
from model_src.validation import refusal
from model_src.weight_files import FORMAT_VERSION, WEIGHT_FILES, open_programs, open_torchscript

INFO_NAME = "artefacts.json"
OPTIONAL = (CALIBRATION_NAME, CERTIFICATE_NAME, CHECK_IMAGES_NAME)
# Every name that a file of an artefact folder can have, in any version.
KNOWN_FILES = (INFO_NAME, *WEIGHT_FILES[FORMAT_VERSION], *OPTIONAL)

ImageSize = Annotated[
    int,
    Field(
        ge=2 * SIZE_MULTIPLE,
        multiple_of=SIZE_MULTIPLE,
        description=f"a multiple of {SIZE_MULTIPLE}, at least {2 * SIZE_MULTIPLE}",
    ),
]


@dataclass(frozen=True)
class ArtefactInfo:
    """What `artefacts.json` holds. Raises pydantic's ValidationError for a value of another type or out of range."""

    image_size: ImageSize  # S: the input is (1, S, S)
    recipe: str
    parameters: dict[str, Annotated[int, Field(ge=0)]]  # counts of "tfen" and "cin"
    cin_trained: bool
    trained_on: str  # "phantoms", "x-rays", or "unknown" for imported weights
    data: dict[str, Any] = field(default_factory=dict)  # summary of the training data
    metrics: dict[str, Any] = field(default_factory=dict)  # as measured on validation and test data
    sha256: dict[str, str] = field(default_factory=dict)  # of all files of the networks, and of OPTIONAL that is there
    class_names: tuple[str, ...] = CLASS_NAMES
    preprocessing: str = PREPROCESSING_VERSION
    torch_version: str = torch.__version__
    format_version: int = FORMAT_VERSION

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the digests are of, as far as this version knows them."""
        return (*WEIGHT_FILES[self.format_version], *(name for name in OPTIONAL if name in self.sha256))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every answer of these artefacts must say."""
        if not self.cin_trained:
            return (RESEARCH_USE, "the classifier (CIN) is untrained: label and probabilities mean nothing")
        if self.trained_on == "phantoms":
            return (RESEARCH_USE, "trained on generated phantoms only: answers for real X-rays mean nothing")
        return (RESEARCH_USE,)


_INFO = TypeAdapter(ArtefactInfo)


def check_target(directory: str | Path) -> None:
    """Raise ArtefactError unless artefacts may be written to `directory`: new, empty, or of earlier artefacts."""
    target = Path(directory)
    if target.exists() and not (target / INFO_NAME).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ArtefactError(f"{target}: exists and holds no {INFO_NAME}; choose an empty or new folder")


def write_artefacts(
    files: Mapping[str, bytes],
    info: ArtefactInfo,
    directory: str | Path,
    calibration: Calibration | None = None,
    certificate: Certificate | None = None,
    check_images: bytes | None = None,
) -> None:
    """Write the networks' files, what else there is, and `info` (with digests) as one folder, whole or not at all.

    Args:
        files: name -> content, as `model_src.weight_files.weight_files` gives them.
        info: of the same format version.
        directory: the folder.
        calibration: if there is one.
        certificate: if there is one.
        check_images: the file that `model_src.check_images` makes, if there is one.

    Raises:
        ArtefactError: `directory` exists and is not an artefact folder.
    """
    target = Path(directory)
    check_target(target)
    contents = {name: files[name] for name in WEIGHT_FILES[info.format_version]}
    if calibration is not None:
        contents[CALIBRATION_NAME] = CALIBRATION_FILE.text(calibration).encode()
    if certificate is not None:
        contents[CERTIFICATE_NAME] = CERTIFICATE_FILE.text(certificate).encode()
    if check_images is not None:
        contents[CHECK_IMAGES_NAME] = check_images
    facts = asdict(info)
    facts["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with atomic_directory(target) as temporary:
        for name, content in contents.items():
            (temporary / name).write_bytes(content)
        (temporary / INFO_NAME).write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_info(directory: str | Path) -> ArtefactInfo:
    """Read and check `artefacts.json`.

    Raises:
        ArtefactError: missing, unreadable, of another format version, with a wrong value, or for other classes.
    """
    path = Path(directory) / INFO_NAME
    try:
        text = path.read_text(encoding="utf-8")
        facts = json.loads(text)
    except FileNotFoundError:
        raise ArtefactError(
            f"{path}: not found; make artefacts with: coronet export RUN_DIR --out ARTEFACT_DIR"
        ) from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); export the run again") from error
    found = facts.get("format_version") if isinstance(facts, dict) else type(facts).__name__
    if not isinstance(facts, dict) or type(found) is not int or found not in WEIGHT_FILES:
        versions = " or ".join(map(str, WEIGHT_FILES))
        raise ArtefactError(f"{path}: found format version {found}, need {versions}; export the run again")
    needed = {f.name for f in fields(ArtefactInfo)}
    if missing := sorted(needed - facts.keys()):
        raise ArtefactError(f"{path}: lacks {', '.join(missing)}; export the run again")
    try:
        info = _INFO.validate_json(text, strict=True)
    except ValidationError as error:
        raise ArtefactError(f"{path}: {refusal(error, ArtefactInfo)}; export the run again") from None
    if info.class_names != CLASS_NAMES:
        raise ArtefactError(f"{path}: found classes {info.class_names}, need {CLASS_NAMES}")
    if info.preprocessing != PREPROCESSING_VERSION:
        raise ArtefactError(
            f"{path}: made with preprocessing {info.preprocessing}, this code has {PREPROCESSING_VERSION}; "
            "export the run again with this version"
        )
    return info


def load_artefacts(directory: str | Path, device: torch.device | str = "cpu") -> tuple[CoroNet, ArtefactInfo]:
    """Load the model onto `device`, in evaluation mode, parameters without gradients.

    Programs where the format version has them, else TorchScript.

    Raises:
        ArtefactError: a file is missing, its SHA-256 differs from the recorded one, or it cannot be loaded.
    """
    info, folder = read_info(directory), Path(directory)
    # What is loaded are the very bytes that were checked: a file could be exchanged between two readings.
    files = {name: _checked_bytes(folder / name, info) for name in WEIGHT_FILES[info.format_version]}
    opened = open_torchscript if info.format_version == 1 else open_programs
    return opened(files, folder, device), info


def load_calibration(directory: str | Path, info: ArtefactInfo) -> Calibration | None:
    """The calibration of the artefacts, None where they have none.

    Raises:
        ArtefactError: it is damaged, missing though it is recorded, or not the one that was exported with them.
    """
    return _beside(directory, info, CALIBRATION_FILE)


def load_certificate(directory: str | Path, info: ArtefactInfo) -> Certificate | None:
    """The certificate of the artefacts' explanations, None where they have none.

    Raises:
        ArtefactError: it is damaged, missing though it is recorded, or not the one that was exported with them.
    """
    return _beside(directory, info, CERTIFICATE_FILE)


def load_check_images(directory: str | Path, info: ArtefactInfo) -> torch.Tensor | None:
    """The pictures to check engines on, (N, 1, S, S) float32 in [0, 1]; None where the artefacts have none.

    Raises:
        ArtefactError: they are damaged, missing though they are recorded, or not those that were exported.
    """
    path = Path(directory) / CHECK_IMAGES_NAME
    if CHECK_IMAGES_NAME not in info.sha256 and not path.exists():
        return None
    return read_check_images(_checked_bytes(path, info), path, info.image_size)


def _beside(directory: str | Path, info: ArtefactInfo, file: WeightsFile[Content]) -> Content | None:
    path = Path(directory) / file.name
    if file.name not in info.sha256 and not path.exists():
        return None
    return file.parse(_checked_bytes(path, info), path)


def check_digests(directory: str | Path) -> ArtefactInfo:
    """Read the info and compare all files with their recorded SHA-256.

    Raises:
        ArtefactError: a file is missing or is not the one that was recorded.
    """
    info = read_info(directory)
    for name in WEIGHT_FILES[info.format_version]:
        _checked_bytes(Path(directory) / name, info)
    load_calibration(directory, info)
    load_certificate(directory, info)
    load_check_images(directory, info)
    return info


def _checked_bytes(path: Path, info: ArtefactInfo) -> bytes:
    """The content of an artefact file, which has the SHA-256 that `info` records for it.

    Raises:
        ArtefactError: the file is missing, cannot be read, or is not the one that was recorded.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtefactError(f"{path}: not found; export the run again") from None
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read ({error.strerror}); export the run again") from error
    found, recorded = hashlib.sha256(content).hexdigest(), info.sha256.get(path.name)
    if found != recorded:
        raise ArtefactError(
            f"{path}: SHA-256 is {found[:16]}..., {INFO_NAME} records {str(recorded)[:16]}...; "
            "the file was changed or damaged after export: export and archive again"
        )
    return content
