"""The same run on a Ray cluster of two nodes on this machine, of which one is killed in the middle."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from launcher.torchserve_config import free_ports
from scoring.run_folder import RunFolder
from scoring.verify import verify
from tests.scoring.runs import contents, score_here

_RAY = Path(sys.executable).with_name("ray")
_PATIENCE = 180.0  # seconds, on a machine that does much else


class Node:
    """One `ray start`, with all the processes that it leaves running."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        before = {each.pid for each in psutil.process_iter()}
        command = [_RAY, "start", *arguments, "--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats"]
        self._folder = environment["RAY_TMPDIR"]
        self._processes: list[psutil.Process] = []
        started = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE)
        self._processes = [each for each in psutil.process_iter() if each.pid not in before and self._is_ours(each)]
        assert started.returncode == 0, started.stdout + started.stderr

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("RAY_TMPDIR") == self._folder
        except psutil.Error:
            return False

    def kill(self) -> None:
        """SIGKILL to all of it, workers too."""
        found = set()
        for each in self._processes:
            try:
                found |= {each, *each.children(recursive=True)}
            except psutil.NoSuchProcess:
                continue
        for process in found:
            if process.is_running():
                process.kill()
        psutil.wait_procs(found, timeout=20)


@dataclass
class Cluster:
    """Two nodes with a core each."""

    address: str
    environment: dict[str, str]
    other: Node  # not the head

    def score(self, *words: object) -> subprocess.Popen[str]:
        """`coronet score ... --ray` on it."""
        command = [sys.executable, "-m", "cli", "score", *map(str, words), "--ray", self.address]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One that is started now, and killed afterwards."""
    port, client_port = free_ports(2)
    nodes = []
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:  # sockets have short names
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        environment = {**os.environ, **token, "RAY_TMPDIR": folder, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
        try:
            ports = (f"--port={port}", f"--ray-client-server-port={client_port}", "--include-dashboard=false")
            nodes.append(Node(environment, "--head", *ports))
            nodes.append(Node(environment, f"--address=127.0.0.1:{port}"))
            yield Cluster(f"127.0.0.1:{port}", environment, nodes[1])
        finally:
            for node in reversed(nodes):
                node.kill()


def test_two_nodes_of_which_one_is_killed_give_the_bytes_of_one_process(
    cluster, write_films, options, run_folder, archive, tmp_path
):
    films, out = write_films(48), tmp_path / "on-ray"
    score_here(run_folder, options(films))
    process = cluster.score(films, "--model", archive, "--out", out, "--shard-films", 4)
    begun = time.monotonic()
    while len(list(out.glob("parts/0*"))) < 3 and process.poll() is None and time.monotonic() < begun + _PATIENCE:
        time.sleep(0.01)
    at_work = process.poll() is None
    cluster.other.kill()
    said, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, said
    assert at_work, said
    assert contents(RunFolder(out)) == contents(run_folder)
    assert verify(RunFolder(out)).counts.answered == 48


def test_no_cluster_is_one_clear_line(write_films, archive, tmp_path):
    (port,) = free_ports(1)
    cluster = Cluster(f"127.0.0.1:{port}", {**os.environ}, None)
    process = cluster.score(write_films(2), "--model", archive, "--out", tmp_path / "run")
    said, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 1, said
    assert f"--ray 127.0.0.1:{port}: no cluster answers" in said
    assert "Traceback" not in said
