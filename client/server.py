"""A TorchServe with coronet.mar as a child of this process: started, waited for, watched, stopped whole."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import requests

from client.http import BearerToken, CoroNetClient
from client.java import find_java
from client.process_group import stop_group
from client.server_log import ServerLog
from client.tokens import RECORD_FILE, ServerRecord, TokenSource, read_key, state_directory, write_record
from client.ts_config import read_properties, settle_addresses, write_config
from model_src.errors import RequestError, ServerError

# Seconds. Loading takes about 15, far longer on a busy machine or a cold disk; longer than the archive's own
# startupTimeout, so that TorchServe's reason is heard first.
START_TIMEOUT = 600.0
STOP_TIMEOUT = 20.0  # seconds for TorchServe to end in good order


@dataclass(frozen=True)
class Server:
    """A running TorchServe: where it is, how to talk to it, and what it says."""

    url: str
    management_url: str
    token: TokenSource
    logs: Path
    process: subprocess.Popen[str]
    log: ServerLog

    def client(self, timeout: float = 300.0) -> CoroNetClient:
        """A client of this server."""
        return CoroNetClient(self.url, self.token, timeout)

    def describe(self, **parameters: str) -> dict[str, Any]:
        """TorchServe's description of the model ({}: none yet); customized="true" adds the model's own."""
        try:
            response = self._management("GET", parameters)
            return response.json()[0] if response.ok else {}
        except (requests.RequestException, ServerError):
            return {}

    def scale(self, workers: int) -> None:
        """Run `workers` worker processes."""
        wanted = {"min_worker": str(workers), "max_worker": str(workers), "synchronous": "true"}
        response = self._management("PUT", wanted)
        if not response.ok:
            raise ServerError(f"TorchServe did not start {workers} workers: {response.text.strip()}")

    def wait(self) -> None:
        """Return never; raises ServerError when the server ends on its own."""
        self.process.wait()
        raise ServerError(self.failure("TorchServe ended on its own"))

    def failure(self, what: str) -> str:
        """A message for `what` went wrong, with the lines of the log that say why."""
        return "\n  ".join([f"{what}; its log says:", *self.log.reasons(), f"more in {self.logs}"])

    def _management(self, method: str, parameters: dict[str, str]) -> requests.Response:
        key = read_key(self.token.file, "management") if self.token.file else None
        with requests.Session() as session:
            session.trust_env = False  # no proxy on the way to this machine
            return session.request(
                method,
                f"{self.management_url}/models/coronet",
                params=parameters,
                auth=BearerToken(key) if key else None,
                timeout=START_TIMEOUT if method == "PUT" else 10.0,
            )


@contextmanager
def torchserve(
    model_store: Path,
    config: Path,
    *,
    port: int | None = None,
    management_port: int | None = None,
    metrics_port: int | None = None,
    workers: int | None = None,
    state: Path | None = None,
) -> Iterator[Server]:
    """Serve MODEL_STORE/coronet.mar: yields when the model has answered, stops everything at the end.

    Args:
        model_store: directory with coronet.mar.
        config: TorchServe's config.properties.
        port, management_port, metrics_port: instead of those in `config`; see settle_addresses.
        workers: worker processes; None: as the archive says.
        state: directory for key file, logs and record; by default the user's own for this port, where
            `coronet predict` looks for the token.

    Raises:
        ServerError: no archive, no Java, a port in use, or a model that does not load.
    """
    if not (model_store / "coronet.mar").is_file():
        raise ServerError(
            f"found no coronet.mar in {model_store}: make it with 'coronet archive ARTEFACT_DIR "
            f"--out {model_store}', or name another directory with --model-store"
        )
    java = find_java()
    properties = read_properties(config)
    addresses = settle_addresses(properties, port, management_port, metrics_port)
    state = (state or state_directory(addresses.port)).resolve()
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)  # TorchServe makes the key file private only after writing it
    key_file = state / "key_file.json"
    key_file.unlink(missing_ok=True)
    own_config = state / "config.properties"
    write_config(config, addresses, own_config)
    command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
    command += ["--ts-config", str(own_config), "--model-store", str(model_store.resolve())]
    command += ["--models", "coronet=coronet.mar"]
    # For the launcher's pid file, the workers' sockets and the unpacked archive: a second server would take
    # the first one's. Directly in /tmp, because a socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="coronet-", dir="/tmp", ignore_cleanup_errors=True) as temporary:
        process = subprocess.Popen(
            command,
            cwd=state,
            env=java.environment(_environment(state, temporary, workers)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            tokens = properties.get("disable_token_authorization", "false").lower() != "true"
            server = Server(
                url=addresses.inference,
                management_url=addresses.management,
                token=TokenSource(file=key_file if tokens else None, management_url=addresses.management),
                logs=state / "logs",
                process=process,
                log=ServerLog(cast(IO[str], process.stdout)),
            )
            _wait_until_ready(server)
            if workers is not None and len(server.describe().get("workers", ())) != workers:
                server.scale(workers)
            record = ServerRecord(server.url, server.management_url, process.pid, str(key_file) if tokens else None)
            write_record(record, state)
            yield server
        finally:
            stop_group(process, STOP_TIMEOUT)
            key_file.unlink(missing_ok=True)
            (state / RECORD_FILE).unlink(missing_ok=True)


def _environment(state: Path, temporary: str, workers: int | None) -> dict[str, str]:
    """The environment of TorchServe and its workers."""
    environment = dict(os.environ)
    for name in (
        "PYTHONPATH",  # would go before the archive's own modules
        "TS_CONFIG_FILE",  # would replace --ts-config
    ):
        environment.pop(name, None)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
    environment["TMPDIR"] = environment["TEMP"] = temporary
    environment["LOG_LOCATION"] = environment["METRICS_LOCATION"] = str(state / "logs")
    if workers is not None:  # else the worker divides the cores by the archive's number of workers
        threads = max(1, len(os.sched_getaffinity(0)) // workers)
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    return environment


def _wait_until_ready(server: Server) -> None:
    """Return when every worker has loaded the model and a small prediction was answered."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        if server.process.poll() is not None:
            raise ServerError(server.failure("TorchServe ended while starting"))
        if server.log.failed.is_set():
            raise ServerError(server.failure("the model could not be loaded"))
        if time.monotonic() > deadline:
            raise ServerError(server.failure(f"the model did not answer within {START_TIMEOUT:.0f} s"))
        workers = server.describe().get("workers", [])
        if workers and all(worker["status"] == "READY" for worker in workers):
            break
        time.sleep(0.5)
    try:
        server.client().check()
    except RequestError as error:
        raise ServerError(server.failure(f"the model loaded but does not predict ({error})")) from None
