"""Answer one request with an unpacked coronet.mar, as a TorchServe worker would: `python smoke_test.py FOLDER`.

Runs in its own process with the folder as PYTHONPATH and working directory. Everything of this project must come
from the folder, also where a checkout is installed.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image


class OneRequest:
    """TorchServe's context, as far as the handler uses it, for a batch of one prediction."""

    def __init__(self, folder: Path) -> None:
        self.model_name = "coronet"
        self.system_properties = {"model_dir": str(folder), "gpu_id": None}
        self.manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
        self.model_yaml_config = yaml.safe_load(
            (folder / self.manifest["model"]["configFile"]).read_text(encoding="utf-8")
        )
        self.metrics = None
        self.status = 0

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return {"explain": "False"}

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        self.status = code

    def set_response_content_type(self, index: int, value: str) -> None:
        pass


def main(folder: Path) -> None:
    """Raises when the archive does not answer as it should, or runs code from elsewhere."""
    import coronet_handler

    context = OneRequest(folder)
    handler = coronet_handler.CoroNetHandler()
    handler.initialize(context)
    picture = io.BytesIO()
    Image.fromarray(np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)).save(picture, "PNG")
    (body,) = handler.handle([{"body": bytearray(picture.getvalue())}], context)
    answer: dict[str, Any] = json.loads(body)
    if context.status != 200 or abs(sum(answer["probabilities"].values()) - 1) > 1e-4:
        raise RuntimeError(f"status {context.status}: {answer}")
    packages = [path.parent.name for path in folder.glob("*/__init__.py")]
    for name in ("coronet_handler", *packages):
        source = Path(str(sys.modules[name].__file__)).resolve()
        if folder not in source.parents:
            raise RuntimeError(f"{name} was imported from {source}, not from the archive")


if __name__ == "__main__":
    from model_src.errors import CoroNetError

    try:
        main(Path(sys.argv[1]).resolve())
    except CoroNetError as error:
        sys.exit(str(error))
