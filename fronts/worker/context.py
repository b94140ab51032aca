"""What a handler of TorchServe's kind asks of its server: the archive's manifest and settings, headers in, status out.

The handler in an archive is written for TorchServe. To run it as it is, a worker of another server gives it this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class LoadContext:
    """For `initialize`."""

    model_name: str
    manifest: Mapping[str, Any]
    model_yaml_config: Mapping[str, Any]
    system_properties: Mapping[str, Any]

    @classmethod
    def of(cls, directory: Path, model: str, batch: int, gpu_id: int | None) -> LoadContext:
        """For the unpacked archive in `directory`, as TorchServe would load it under the name `model`."""
        manifest = json.loads((directory / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
        name = manifest["model"].get("configFile")
        config = yaml.safe_load((directory / name).read_text(encoding="utf-8")) if name else None
        properties = {"model_dir": str(directory), "gpu_id": gpu_id, "batch_size": batch}
        return cls(model, manifest, config or {}, properties)


@dataclass
class Reply:
    """What the handler says of one answer."""

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class BatchContext:
    """For one call of `handle`; requests and replies by their place in the batch."""

    def __init__(self, headers: Sequence[Mapping[str, str]], metrics: Any = None) -> None:
        """Args: each request's headers; what takes metrics (handlers/metrics.py)."""
        self.metrics = metrics
        self.replies = [Reply() for _ in headers]
        self._headers = headers

    def get_all_request_header(self, index: int) -> Mapping[str, str]:
        """The headers of one request."""
        return self._headers[index]

    def get_request_header(self, index: int, name: str) -> str | None:
        """One of them, by its name as it was spelled."""
        return self._headers[index].get(name)

    def set_response_status(self, code: int = 200, phrase: str = "", index: int = 0) -> None:
        """The status of one reply; its phrase is HTTP's own."""
        self.replies[index].status = code

    def set_response_content_type(self, index: int, value: str) -> None:
        """The media type of one reply."""
        self.replies[index].content_type = value

    def set_response_header(self, index: int, name: str, value: str) -> None:
        """Another header of one reply."""
        self.replies[index].headers[name] = value
