"""ARTEFACT_DIR -> `coronet.mar`: torch-model-archiver's work, repacked so that the same input gives the same bytes.

The archive is self-contained: `coronet_handler.py` at its root, the packages that it imports (archive/contents.py),
the networks' files with their digests, class names and settings. Nothing of this project has to be installed where
it is served.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from archive.contents import SERVED_PACKAGES
from model_src.artefacts import INFO_NAME, check_digests
from model_src.atomic import atomic_write
from model_src.errors import ArtefactError
from model_src.weight_files import TFEN_NAME

MODEL_NAME = "coronet"
ARCHIVE_NAME = f"{MODEL_NAME}.mar"

_HERE = Path(__file__).resolve().parent
DEFAULT_CONFIG = _HERE / "model-config.yaml"

_HANDLER = "coronet_handler.py"
_ROOMS = _HERE.parent  # our packages lie side by side, in a checkout as installed
_MANIFEST = Path("MAR-INF/MANIFEST.json")
_CREATED_ON = "01/01/1980 00:00:00"  # TorchServe warns when it is absent; the time of building would change the bytes
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
_ZIP_MODE = 0o100644 << 16  # a regular file, rw-r--r--


def build_archive(
    artefact_dir: str | Path, model_store: str | Path, version: str = "1.0", config: str | Path = DEFAULT_CONFIG
) -> Path:
    """Build MODEL_STORE_DIR/coronet.mar from ARTEFACT_DIR, and answer one request with it before it gets its name.

    An existing archive is replaced only by one that works. `config` is a model-config.yaml.

    Returns:
        The path of the archive.

    Raises:
        ArtefactError: a wrong version, no such config, an artefact that is missing or not the one that was exported,
            or an archive that does not answer.
        ModuleNotFoundError: torch-model-archiver is not installed.
    """
    artefacts = Path(artefact_dir)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", version):
        raise ArtefactError(f"version: found {version!r}, need letters, digits, '.', '_' and '-', as in 1.0")
    if not Path(config).is_file():
        raise ArtefactError(f"{config}: not found, need a model-config.yaml; leave --config away for our own")
    if find_spec("model_archiver") is None:  # it runs in a process of its own
        raise ModuleNotFoundError("torch-model-archiver is not installed", name="model_archiver")
    info = check_digests(artefacts)
    target = Path(model_store) / ARCHIVE_NAME
    with tempfile.TemporaryDirectory(prefix="coronet-archive-") as folder:
        unpacked = _run_archiver(artefacts, info.files, version, Path(config), Path(folder))
        _fix_manifest(unpacked / _MANIFEST)
        with atomic_write(target) as temporary:
            _write_zip(unpacked, temporary)
            _smoke_test(temporary, Path(folder) / "tried")
    return target


def _run_archiver(artefacts: Path, files: Sequence[str], version: str, config: Path, folder: Path) -> Path:
    """torch-model-archiver's staged files, as the directory they would be zipped from; `files` have a digest."""
    sources, staging, export = (folder / name for name in ("sources", "staging", "export"))
    for path in (staging, export):
        path.mkdir()
    for package in SERVED_PACKAGES:
        shutil.copytree(_ROOMS / package, sources / package, ignore=_all_but_sources)
    settings = folder / DEFAULT_CONFIG.name
    shutil.copyfile(config, settings)
    others = [artefacts / name for name in files if name != TFEN_NAME]
    for path in (*others, artefacts / INFO_NAME, _HERE / "index_to_name.json"):
        shutil.copyfile(path, sources / path.name)
    # As extra files, one folder of our own: its contents go to the root, where packages keep their names. Paths given
    # by a user do not go there, because the archiver splits at commas and expands wildcards.
    command: list[str | Path] = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", MODEL_NAME, "--version", version, "--archive-format", "no-archive"]
    command += ["--serialized-file", artefacts / TFEN_NAME, "--extra-files", sources]
    command += ["--handler", _ROOMS / "handlers" / _HANDLER, "--config-file", settings]
    command += ["--export-path", export]
    # Its staging folder has one name for all builds of a model: each build gets its own place for it.
    environment = {**os.environ, "TMPDIR": str(staging)}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArtefactError(f"torch-model-archiver failed: {_last_line(done.stderr)}")
    return export / MODEL_NAME


def _all_but_sources(directory: str, names: list[str]) -> list[str]:
    """What copytree leaves out: everything but Python sources and folders of them; the handler goes to the root."""
    return [
        name
        for name in names
        if name in ("__pycache__", _HANDLER) or not (name.endswith(".py") or (Path(directory) / name).is_dir())
    ]


def _fix_manifest(path: Path) -> None:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["createdOn"] = _CREATED_ON
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_zip(source: Path, target: Path) -> None:
    """All files under `source`, by name, with one date and mode; stored, since zlib's output depends on its version."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(source).as_posix(), _ZIP_DATE)
            entry.create_system = 3  # Unix, which gives the mode its meaning
            entry.external_attr = _ZIP_MODE
            archive.writestr(entry, path.read_bytes())


def _smoke_test(archive: Path, folder: Path) -> None:
    """Unpack the archive and answer one request with it, in a process that sees it as a TorchServe worker does."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(folder.parent),  # what a worker keeps there goes with it
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(_HERE / "smoke_test.py"), str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArtefactError(f"the archive was built but does not answer: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    """Where Python and command line tools say what went wrong."""
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
