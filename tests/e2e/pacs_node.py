"""`coronet pacs` in a process of its own, between a scoring server and a PACS."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import yaml
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from launcher.torchserve_config import free_ports, is_free
from tests.e2e.user import CORONET
from tests.fixtures.films import send
from tests.fixtures.scoring_server import TOKEN


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


class PacsNode:
    """A node with its settings and spool in `folder`; settings may be changed between starts."""

    def __init__(self, folder: Path, server_url: str, targets: list[dict[str, Any]], token: str = TOKEN) -> None:
        self.folder = folder
        self.port, self.metrics_port = free_ports(2)
        self.spool = folder / "spool"
        self.log = folder / "node.log"
        (folder / "token").write_text(token)
        self.settings: dict[str, Any] = {
            "listen": {"port": self.port, "callers": ["SENDER", "ORTHANC"]},
            "server": {"url": server_url, "token_file": "token"},
            "explanation": {"method": "saliency", "options": {"score_steps": 4}},
            "targets": targets,
            "retries": {"tries": 200, "first_seconds": 0.2, "longest_seconds": 1.0},
            "metrics_port": self.metrics_port,
            "keep_free_mb": 0,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        """The settings file."""
        return self.folder / "pacs.yaml"

    def start(self) -> None:
        """Start it, and wait until it takes films."""
        self.file.write_text(yaml.safe_dump(self.settings))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [CORONET, "pacs", "--settings", self.file], stdout=log, stderr=log, cwd=self.folder
            )
        wait_for(self._answers, 30, f"the node answers; {self.log.read_text()[-500:]}")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log.read_text()[-1000:]
        return not is_free(self.port) and self.echo()

    def echo(self) -> bool:
        """Whether it answers a C-ECHO."""
        entity = AE("SENDER")
        entity.add_requested_context(Verification)
        association = entity.associate("127.0.0.1", self.port, ae_title="CORONET")
        if not association.is_established:
            return False
        answer = association.send_c_echo()
        association.release()
        return "Status" in answer and answer.Status == 0

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        """End it in good order, if it runs."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`coronet pacs WORDS` with its settings."""
        command = [str(CORONET), "pacs", *words, "--settings", str(self.file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def send(self, *films: bytes) -> list[int | None]:
        """Send films to it."""
        return send(self.port, films)

    def in_state(self, state: str) -> list[Path]:
        """What lies in a folder of the spool."""
        return sorted(path for path in (self.spool / state).iterdir() if not path.name.startswith("."))

    def wait_done(self, count: int, seconds: float = 30) -> None:
        """Wait until so many films are done."""
        wait_for(lambda: len(self.in_state("done")) == count and not self.in_state("waiting"), seconds, self.told())

    def told(self) -> str:
        """The end of its log."""
        return f"{sys.argv[0]}: {self.log.read_text()[-1500:]}"

    def metrics(self) -> str:
        """Its metrics page."""
        return requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10).text
