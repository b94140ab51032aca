"""A run packed as users pack it, for benchmarks that start servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from archive.build import build_archive

_ROOT = Path(__file__).parents[1]


def pack(run: Path, folder: Path) -> tuple[Path, Path]:
    """The run's artefact folder and its model store with coronet.mar, both inside `folder`."""
    artefacts, store = folder / "artefacts", folder / "store"
    command = [sys.executable, "-m", "cli", "export", str(run.resolve()), "--out", str(artefacts)]
    subprocess.run(command, check=True, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    build_archive(artefacts, store)
    return artefacts, store
