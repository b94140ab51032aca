"""Addresses -> what they ask for: TorchServe's own, KServe's first protocol, the Open Inference Protocol v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["predict", "explain", "ping", "live", "ready", "server", "model", "model-ready"]

_NAME = r"(?P<model>[^/:]+)"
_VERSION = r"(?P<version>[^/]+)"
_V2 = rf"/v2/models/{_NAME}(?:/versions/{_VERSION})?"

# Pattern, what it asks for, and whether its body is the Open Inference Protocol's.
_PATTERNS: tuple[tuple[str, Kind, bool], ...] = (
    (rf"/predictions/{_NAME}(?:/{_VERSION}(?:/.*)?)?", "predict", False),
    (rf"/explanations/{_NAME}(?:/{_VERSION}(?:/.*)?)?", "explain", False),
    ("/ping", "ping", False),
    (rf"/v1/models/{_NAME}:predict", "predict", False),
    (rf"/v1/models/{_NAME}:explain", "explain", False),
    ("/v2/?", "server", True),
    ("/v2/health/live", "live", True),
    ("/v2/health/ready", "ready", True),
    (_V2, "model", True),
    (rf"{_V2}/ready", "model-ready", True),
    (rf"{_V2}/infer", "predict", True),
    (rf"{_V2}/explain", "explain", True),
)
_TABLE = tuple((re.compile(pattern), kind, oip) for pattern, kind, oip in _PATTERNS)
# A liveness probe holds no secret. These say no more than yes or no.
OPEN_PATHS = ("/v2/health/live", "/v2/health/ready")


@dataclass(frozen=True)
class Route:
    """What one address asks for."""

    kind: Kind
    model: str | None = None
    version: str | None = None
    oip: bool = False

    @property
    def asks_model(self) -> bool:
        """Whether a worker is needed for it."""
        return self.kind in ("predict", "explain")


def find_route(path: str) -> Route | None:
    """What `path` asks for; None: nothing here."""
    for pattern, kind, oip in _TABLE:
        if found := pattern.fullmatch(path):
            groups = found.groupdict()
            return Route(kind, groups.get("model"), groups.get("version"), oip)
    return None
