"""Where the files are that come with the code: beside the rooms, in a checkout as in an installed package."""

from __future__ import annotations

from pathlib import Path

ROOMS = Path(__file__).resolve().parents[1]  # the folder that holds our packages
TORCHSERVE_CONFIG = ROOMS / "config.properties"
LOG_CONFIG = ROOMS / "log4j2.xml"  # keeps what callers send out of the logs
PRETRAINED = ROOMS / "archive" / "pretrained"  # RUN_DIR of the shipped model
