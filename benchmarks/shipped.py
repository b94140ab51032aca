"""What benchmarks that start servers share: a run packed as users pack it, and an X-ray to send."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image

from archive.build import build_archive
from phantoms.generate import make_phantom

_ROOT = Path(__file__).parents[1]


def pack(run: Path, folder: Path) -> tuple[Path, Path]:
    """The run's artefact folder and its model store with coronet.mar, both inside `folder`."""
    artefacts, store = folder / "artefacts", folder / "store"
    command = [sys.executable, "-m", "cli", "export", str(run.resolve()), "--out", str(artefacts)]
    subprocess.run(command, check=True, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    build_archive(artefacts, store)
    return artefacts, store


def jpeg(side: int = 512) -> bytes:
    """A generated X-ray as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(make_phantom(2, seed=1, size=side).image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
