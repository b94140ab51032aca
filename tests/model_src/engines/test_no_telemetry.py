"""Loading an engine tells nobody: openvino would report its use and write an id into the home directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
import torch
from model_src.artefacts import load_artefacts
from model_src.engines.settings import EngineSettings
from model_src.engines.choose import open_engine
coronet, info = load_artefacts(sys.argv[1])
open_engine(coronet, info.image_size, torch.device("cpu"), EngineSettings("openvino"))
print(sorted(name for name, module in sys.modules.items() if name.startswith("openvino_telemetry") and module))
"""


def test_openvino_is_loaded_without_its_telemetry(artefact_dir, tmp_path):
    pytest.importorskip("openvino", reason="needs OpenVINO")
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(artefact_dir)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
    assert not (tmp_path / "intel").exists()
