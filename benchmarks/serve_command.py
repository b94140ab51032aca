"""`coronet serve` of this tree or of another commit's, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import psutil
import requests

from client.load import Ask
from launcher.torchserve_config import free_ports

_START_TIMEOUT = 600.0  # seconds
_WORKER = "model_service_worker"  # in the command line of TorchServe's workers


@dataclass(frozen=True)
class Code:
    """A tree of this project, and the Python that runs it."""

    python: Path
    tree: Path

    def command(self, *words: object) -> list[str]:
        """`coronet WORDS` by this tree, to be run in it."""
        # The command's module has moved once.
        module = next(name for name in ("cli", "client.cli") if self._has(name))
        return [str(self.python), "-m", module, *map(str, words)]

    def run(self, *words: object) -> None:
        """Run `coronet WORDS` to its end, without its output."""
        subprocess.run(
            self.command(*words),
            check=True,
            cwd=self.tree,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _has(self, module: str) -> bool:
        path = self.tree / module.replace(".", "/")
        return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def environment() -> dict[str, str]:
    """This process's, without the modules that PYTHONPATH would put before those of a tree."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@dataclass(frozen=True)
class Started:
    """A server that answers: its address, its token, how long it took from the command on, and its process."""

    url: str
    token: str
    seconds: float
    pid: int

    def asking(self, body: bytes) -> Ask:
        """One client's way to ask for predictions by bare HTTP, over a connection that stays open."""
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token}"
        return lambda: session.post(f"{self.url}/predictions/coronet", data=body, timeout=300).raise_for_status()

    def workers_mb(self) -> list[float]:
        """Unshared memory of each worker."""
        family = psutil.Process(self.pid).children(recursive=True)
        return [memory_mb(each.pid) for each in family if any(_WORKER in word for word in each.cmdline())]


def memory_mb(pid: int) -> float:
    """Memory that only this process has, in MB."""
    return float(psutil.Process(pid).memory_full_info().uss / 1e6)


@contextmanager
def serve_command(code: Code, store: Path, state: Path, *options: object) -> Iterator[Started]:
    """Start `coronet serve` on free ports, wait until it says that it answers, stop it at the end.

    Args:
        code: whose command.
        store: the directory with coronet.mar.
        state: in place of the user's XDG_STATE_HOME.
        options: more options of the command.
    """
    port, metrics_port = free_ports(2)
    command = code.command(
        "serve", "--model-store", store.resolve(), "--port", port, "--metrics-port", metrics_port, *options
    )
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=code.tree, env=environment() | {"XDG_STATE_HOME": str(state)}, stdout=subprocess.PIPE, text=True
    )
    overdue = threading.Timer(_START_TIMEOUT, process.kill)
    overdue.start()
    try:
        # It says where it answers when it has answered.
        if not any("answers at" in line for line in cast(IO[str], process.stdout)):
            raise RuntimeError("'coronet serve' ended before it answered; what it said is above")
        seconds = time.perf_counter() - begun
        overdue.cancel()
        keys = json.loads((state / "coronet" / f"serve-{port}" / "key_file.json").read_text())
        yield Started(f"http://127.0.0.1:{port}", keys["inference"]["key"], seconds, process.pid)
    finally:
        overdue.cancel()
        process.terminate()
        process.communicate()
