"""The shipped model at 32 pixels: the same networks, weights and calibration, a fiftieth of the work, no sense."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from model_src.check_images import CHECK_IMAGES_NAME

_ROOT = Path(__file__).parents[1]
_SIZE = 32  # pixels


def small_archive(run: Path, path: Path) -> Path:
    """Write a .mar for `coronet score` alone, unless it is there; TorchServe could not serve it.

    Args:
        run: RUN_DIR.
        path: of the archive.
    """
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(prefix="small-") as folder:
        artefacts = Path(folder) / "artefacts"
        command = [sys.executable, "-m", "cli", "export", str(run.resolve()), "--out", str(artefacts)]
        subprocess.run(command, check=True, cwd=_ROOT, stdout=subprocess.DEVNULL)
        info = artefacts / "artefacts.json"
        facts = json.loads(info.read_text()) | {"image_size": _SIZE}
        if facts["sha256"].pop(CHECK_IMAGES_NAME, None):  # pictures of the usual size
            (artefacts / CHECK_IMAGES_NAME).unlink()
        info.write_text(json.dumps(facts))
        temporary = path.with_suffix(".new")
        with zipfile.ZipFile(temporary, "w") as packed:
            for file in sorted(artefacts.iterdir()):
                packed.write(file, file.name)
            packed.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelVersion": "1.0"}}))
        temporary.replace(path)
    return path
