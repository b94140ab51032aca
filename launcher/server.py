"""A TorchServe with coronet.mar as a child of this process: started, waited for, watched, stopped whole."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast
from zipfile import is_zipfile

from client.http import CoroNetClient
from client.tokens import RECORD_FILE, ServerRecord, TokenSource, state_directory, write_record
from client.worker_status import describe
from handlers.server_files import WORKERS_VARIABLES, ServerFiles
from launcher.java import find_java
from launcher.packaged_files import LOG_CONFIG, ROOMS
from launcher.process_group import stop_group
from launcher.server_log import ServerLog
from launcher.torchserve_config import read_properties, settle_addresses, write_config
from launcher.worker_pools import ARCHIVE, WorkerPool, choose_pools, count_gpus, snapshot
from model_src.cores import available_cores
from model_src.errors import RequestError, ServerError
from model_src.model_names import PREDICT_MODEL
from model_src.time_limits import DRAIN, PREDICT_PATIENCE, SERVER_START, STOP


@dataclass(frozen=True)
class Server:
    """A running TorchServe: where it is, how to talk to it, and what it says."""

    url: str
    management_url: str
    token: TokenSource
    logs: Path
    temporary: Path  # where its processes keep what they share
    process: subprocess.Popen[str]
    log: ServerLog

    def client(self, timeout: float = PREDICT_PATIENCE) -> CoroNetClient:
        """A client of this server."""
        return CoroNetClient(self.url, self.token, timeout)

    def describe(self, model: str = PREDICT_MODEL, **parameters: str) -> dict[str, Any]:
        """TorchServe's description of a model ({}: none yet); customized="true" adds the model's own."""
        return describe(self.token, model, **parameters)

    def drain(self, timeout: float = DRAIN) -> None:
        """Let requests in progress finish, for at most so many seconds; others are told to come again (503)."""
        deadline = time.monotonic() + timeout
        shared = ServerFiles.found_in(self.temporary)
        with suppress(OSError):  # no space left: then without it
            for files in shared:
                files.stop_working()
        while not all(files.idle() for files in shared) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # the last answers are still on their way through TorchServe

    def wait(self) -> None:
        """Return never; raises ServerError when the server ends on its own."""
        self.process.wait()
        raise ServerError(self.failure("TorchServe ended on its own"))

    def failure(self, what: str) -> str:
        """A message for `what` went wrong, with the lines of the log that say why."""
        return "\n  ".join([f"{what}; its log says:", *self.log.reasons(), f"more in {self.logs}"])


@contextmanager
def torchserve(
    model_store: Path,
    config: Path,
    *,
    port: int | None = None,
    management_port: int | None = None,
    metrics_port: int | None = None,
    workers: int | None = None,
    explain_workers: int | None = None,
    state: Path | None = None,
) -> Iterator[Server]:
    """Serve MODEL_STORE/coronet.mar: yields when every worker pool has answered, stops everything at the end.

    It stops too when this process dies, however it dies.

    Args:
        model_store: directory with coronet.mar.
        config: TorchServe's config.properties.
        port, management_port, metrics_port: instead of those in `config`; see settle_addresses. Without
            management_port, management listens on a unix socket that this user alone can reach.
        workers, explain_workers: worker processes of each pool; None: by cores and GPUs. Without explain_workers (0)
            one model serves both.
        state: directory for key file, logs and record; by default the user's own for this port, where
            `coronet predict` looks for the token.

    Raises:
        ServerError: no archive, no Java, a port in use, or a model that does not load.
    """
    if not (model_store / ARCHIVE).is_file():
        raise ServerError(
            f"found no coronet.mar in {model_store}: make it with 'coronet archive ARTEFACT_DIR "
            f"--out {model_store}', or name another directory with --model-store"
        )
    if not is_zipfile(model_store / ARCHIVE):  # TorchServe would try to run it
        raise ServerError(f"{model_store / ARCHIVE} is damaged or cut short: make it again with 'coronet archive'")
    if find_spec("ts") is None:  # it runs in a process of its own, where this would come to light late
        raise ModuleNotFoundError("TorchServe is not installed", name="ts")
    java = find_java()
    properties = read_properties(config)
    pools = choose_pools(available_cores(), count_gpus(properties), workers, explain_workers)
    # For the launcher's pid file, the sockets and the unpacked archive: a second server would take the first
    # one's. Directly in /tmp, because a socket's path may have 107 bytes at most.
    with (
        tempfile.TemporaryDirectory(prefix="coronet-", dir="/tmp", ignore_cleanup_errors=True) as temporary,
        _locked(Path(temporary)),  # systemd's cleaner of /tmp leaves alone what is locked
        ExitStack() as stack,
    ):
        addresses = settle_addresses(
            properties, port, management_port, metrics_port, management_socket=f"{temporary}/management.sock"
        )
        state = (state or state_directory(addresses.port)).resolve()
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)  # TorchServe makes the key file private only after writing it
        stack.enter_context(_locked(state))
        key_file = state / "key_file.json"
        management_link = state / "management.sock"
        for leftover in (key_file, management_link):
            leftover.unlink(missing_ok=True)
        own_config = state / "config.properties"
        write_config(config, addresses, own_config, model_snapshot=snapshot(pools))
        command = [sys.executable, "-m", "launcher.supervisor"]
        command += [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
        command += ["--ts-config", str(own_config), "--model-store", str(model_store.resolve())]
        command += ["--log-config", str(LOG_CONFIG)]
        process = subprocess.Popen(
            command,
            cwd=state,
            env=java.environment(_environment(state, temporary, pools)) | {"PYTHONPATH": str(ROOMS)},
            stdin=subprocess.PIPE,
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
                temporary=Path(temporary),
                process=process,
                log=ServerLog(cast(IO[str], process.stdout)),
            )
            _wait_until_ready(server, pools)
            record = ServerRecord(server.url, server.management_url, process.pid, str(key_file) if tokens else None)
            write_record(record, state)
            if server.management_url.startswith("unix:"):
                management_link.symlink_to(server.management_url.removeprefix("unix:"))  # a place to find it at
            yield server
        finally:
            cast(IO[str], process.stdin).close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP + 10)
            stop_group(process, STOP)  # in case somebody has killed the supervisor itself
            for leftover in (key_file, management_link, state / RECORD_FILE):
                leftover.unlink(missing_ok=True)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock on a directory inside.

    Raises:
        ServerError: another process has it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerError(f"another 'coronet serve' uses {directory}: choose another --port, or stop it") from None
        yield
    finally:
        os.close(descriptor)


def _environment(state: Path, temporary: str, pools: Sequence[WorkerPool]) -> dict[str, str]:
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
    # An explanation's threads wait for each other thousands of times. Spinning meanwhile, as by default, they use up
    # the little that predictions leave them: five times slower on busy cores.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.update({WORKERS_VARIABLES[pool.model]: str(pool.workers) for pool in pools})
    return environment


def _wait_until_ready(server: Server, pools: Sequence[WorkerPool]) -> None:
    """Return when every worker has loaded the model and each worker pool has answered a small request."""
    deadline = time.monotonic() + SERVER_START
    while True:
        if server.process.poll() is not None:
            raise ServerError(server.failure("TorchServe ended while starting"))
        if server.log.failed.is_set():
            raise ServerError(server.failure("the model could not be loaded"))
        if time.monotonic() > deadline:
            raise ServerError(server.failure(f"the model did not answer within {SERVER_START} s"))
        if all(_has_loaded(server, pool) for pool in pools):
            break
        time.sleep(0.5)
    try:
        server.client().check()
    except RequestError as error:
        raise ServerError(server.failure(f"the model loaded but does not answer ({error})")) from None


def _has_loaded(server: Server, pool: WorkerPool) -> bool:
    workers = server.describe(pool.model).get("workers", [])
    return len(workers) == pool.workers and all(worker["status"] == "READY" for worker in workers)
