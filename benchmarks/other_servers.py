"""Servers to compare with, as child processes on free ports: FastAPI with ONNX Runtime, and an empty TorchServe."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from client.load import Ask
from launcher.java import find_java
from launcher.process_group import stop_group
from launcher.torchserve_config import free_ports

_ROOT = Path(__file__).parents[1]
_START_TIMEOUT = 120.0  # seconds


def asking(url: str, body: bytes) -> Ask:
    """One client with a connection of its own that posts `body`, and raises for any status but a good one."""
    session = requests.Session()
    return lambda: session.post(url, data=body, timeout=300).raise_for_status()


@contextmanager
def fastapi_service(chain: Path, size: int, folder: Path) -> Iterator[str]:
    """benchmarks/fastapi_service.py on the ONNX file `chain`; the address to post images to."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.fastapi_service", str(chain), str(size), str(port)]
    with _running(command, f"http://127.0.0.1:{port}/docs", dict(os.environ), folder / "fastapi.log"):
        yield f"http://127.0.0.1:{port}/predict"


@contextmanager
def null_torchserve(workers: int, folder: Path) -> Iterator[str]:
    """TorchServe with benchmarks/null_handler.py on so many workers; the address to post anything to."""
    handler = _ROOT / "benchmarks" / "null_handler.py"
    archiver = [str(Path(sys.executable).parent / "torch-model-archiver"), "--model-name", "null", "--version", "1.0"]
    archiver += ["--handler", str(handler), "--export-path", str(folder), "--force"]
    subprocess.run(archiver, check=True, stdout=subprocess.DEVNULL)
    ports = free_ports(5)
    names = ("inference_address", "management_address", "metrics_address")
    lines = [f"{name}=http://127.0.0.1:{port}" for name, port in zip(names, ports, strict=False)]
    lines += [f"grpc_inference_port={ports[3]}", f"grpc_management_port={ports[4]}"]
    lines += ["disable_token_authorization=true", f"default_workers_per_model={workers}"]
    config = folder / "null.properties"
    config.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
    command += ["--ts-config", str(config), "--model-store", str(folder), "--models", "null=null.mar"]
    environment = find_java().environment(dict(os.environ))
    environment |= {"TEMP": str(folder), "TMPDIR": str(folder), "LOG_LOCATION": str(folder)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    url = f"http://127.0.0.1:{ports[0]}/predictions/null"
    with _running(command, url, environment, folder / "null.log"):
        yield url


@contextmanager
def _running(command: Sequence[str], url: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    """The command as a process group of its own, from its first good answer at `url` on, ended afterwards."""
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _START_TIMEOUT
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command[:3])} does not answer; its output is in {log}")
                time.sleep(0.3)
            yield
        finally:
            stop_group(process, 20.0)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
