"""The shipped run without what stands beside it in the card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

PRETRAINED = Path(__file__).parents[3] / "archive" / "pretrained"
BESIDE = ("trainings", "collections", "curve")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A copy of the shipped run without trainings and curve."""
    folder = tmp_path / "published"
    shutil.copytree(PRETRAINED, folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({k: v for k, v in metrics.items() if k not in BESIDE}))
    return folder
