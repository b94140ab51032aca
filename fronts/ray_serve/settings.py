"""What `coronet serve --front ray` tells the front's process, as a JSON file; it holds no key."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class PoolSettings:
    """One deployment: workers for predictions, or for explanations."""

    model: str
    workers: int  # that are always there
    most_workers: int  # that there may be under load
    batch: int
    delay: float  # seconds that a batch that is not full waits for more
    threads: int  # of each worker
    silence: float  # seconds after which a worker that has not answered is replaced
    start: float  # seconds for loading


@dataclass(frozen=True)
class FrontSettings:
    """Everything."""

    archive: str  # directory of the unpacked archive
    temporary: str  # directory of this server alone
    logs: str  # directory
    host: str
    port: int
    metrics_port: int
    management: str  # path of a unix socket
    keys: str  # see fronts/keys.py; or TorchServe's key_file.json, which is read once
    key_overlap: float | None  # seconds; None: `keys` is a key_file.json
    largest_request: int  # bytes
    queue: int  # requests that may wait for each model
    cores: int
    gpus: int
    dashboard: bool
    pools: tuple[PoolSettings, ...]

    def write(self, path: Path) -> None:
        """Leave it in a file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> FrontSettings:
        """From that file."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**found, "pools": tuple(PoolSettings(**each) for each in found["pools"])})
