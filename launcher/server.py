"""A TorchServe with coronet.mar as a child of this process: started, waited for, watched, stopped whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast
from zipfile import is_zipfile

from client.http import CoroNetClient
from client.tokens import RECORD_FILE, ServerRecord, TokenSource, state_directory, write_record
from client.worker_status import describe
from fronts.keys import KeyRing, own_key_file
from handlers.server_files import WORKERS_VARIABLES, ServerFiles
from launcher.java import find_java
from launcher.mounted_keys import MountedKeys
from launcher.packaged_files import LOG_CONFIG
from launcher.places import locked, make_state_directory, refuse_noexec, remove_files, temporary_directory
from launcher.readiness import Progress, wait_until_ready
from launcher.server_log import ServerLog
from launcher.supervised import supervised
from launcher.torchserve_config import host_and_port, read_properties, settle_addresses, with_host, write_config
from launcher.worker_pools import ARCHIVE, WorkerPool, choose_pools, count_gpus, snapshot
from model_src.cores import available_cores
from model_src.errors import ServerError
from model_src.model_names import PREDICT_MODEL
from model_src.time_limits import DRAIN, PREDICT_PATIENCE


@dataclass(frozen=True)
class Server:
    """A running server: where it is, how to talk to it, and what it says."""

    url: str
    management_url: str
    token: TokenSource
    logs: Path
    temporary: Path  # where its processes keep what they share
    process: subprocess.Popen[str]
    log: ServerLog
    name: str = "TorchServe"

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
        raise ServerError(self.failure(f"{self.name} ended on its own"))

    def failure(self, what: str) -> str:
        """A message for `what` went wrong, with the lines of the log that say why."""
        return "\n  ".join([f"{what}; its log says:", *self.log.reasons(), f"more in {self.logs}"])


def say_nothing(line: str) -> None:
    """Progress that nobody wants to hear of."""


def check_archive(model_store: Path) -> None:
    """Raises ServerError where there is no coronet.mar in the directory, or a damaged one."""
    if not (model_store / ARCHIVE).is_file():
        raise ServerError(
            f"found no coronet.mar in {model_store}: make it with 'coronet archive ARTEFACT_DIR "
            f"--out {model_store}', or name another directory with --model-store"
        )
    if not is_zipfile(model_store / ARCHIVE):  # TorchServe would try to run it
        raise ServerError(f"{model_store / ARCHIVE} is damaged or cut short: make it again with 'coronet archive'")


@contextmanager
def torchserve(
    model_store: Path,
    config: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    management_port: int | None = None,
    metrics_port: int | None = None,
    workers: int | None = None,
    explain_workers: int | None = None,
    keys: MountedKeys | None = None,
    state: Path | None = None,
    progress: Progress = say_nothing,
) -> Iterator[Server]:
    """Serve MODEL_STORE/coronet.mar: yields when every worker pool has answered, stops everything at the end.

    It stops too when this process dies, however it dies.

    Args:
        model_store: directory with coronet.mar.
        config: TorchServe's config.properties.
        host: the address for requests and metrics instead of those in `config`.
        port, management_port, metrics_port: instead of those in `config`; see settle_addresses. Without
            management_port, management listens on a unix socket that this user alone can reach.
        workers, explain_workers: worker processes of each pool; None: by cores and GPUs. Without explain_workers (0)
            one model serves both.
        keys: those to let in, in place of TorchServe's own.
        state: directory for key file, logs and record; by default the user's own for this port, where
            `coronet predict` looks for the token.
        progress: is told in a line each what is being done.

    Raises:
        ServerError: no archive, no Java, a port in use, or a model that does not load.
    """
    check_archive(model_store)
    if find_spec("ts") is None:  # it runs in a process of its own, where this would come to light late
        raise ModuleNotFoundError("TorchServe is not installed", name="ts")
    if keys and management_port:
        raise ServerError(
            "--management-port: found it with --keys, where TorchServe asks for no key: leave it away, management is "
            "then on a unix socket that only you can reach"
        )
    java = find_java()
    properties = read_properties(config)
    if host:
        properties |= {f"{name}_address": with_host(properties, name, host) for name in ("inference", "metrics")}
    pools = choose_pools(available_cores(), count_gpus(properties), workers, explain_workers)
    with temporary_directory() as temporary, ExitStack() as stack:
        addresses = settle_addresses(
            properties, port, management_port, metrics_port, management_socket=f"{temporary}/management.sock"
        )
        refuse_noexec(temporary, unix_socket=addresses.management.startswith("unix:"))
        state = make_state_directory(state or state_directory(addresses.port))
        stack.enter_context(locked(state))
        key_file = state / "key_file.json"
        management_link = state / "management.sock"
        leftovers = (key_file, management_link, state / RECORD_FILE)
        remove_files(leftovers)
        stack.callback(remove_files, leftovers)
        own_config = state / "config.properties"
        settled, given = addresses, {}
        if keys:
            ring = KeyRing(keys.path, keys.overlap)
            settled = replace(addresses, inference=f"unix:{temporary}/inference.sock")
            given = {"disable_token_authorization": "true"}
        write_config(config, settled, own_config, model_snapshot=snapshot(pools), **given)
        command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
        command += ["--ts-config", str(own_config), "--model-store", str(model_store.resolve())]
        command += ["--log-config", str(LOG_CONFIG)]
        progress(f"Java {java.version} ({java.executable}) starts TorchServe; keys and logs are in {state}")
        environment = java.environment(server_environment(state, temporary, pools))
        process = stack.enter_context(supervised(command, state, environment))
        own_key: Path | None = key_file
        if keys:
            from fronts.torchserve_door import torchserve_door
            from model_src.sockets import listen

            own_key = own_key_file(keys.path.absolute())
            listening = listen(*host_and_port(addresses.inference))
            largest = int(properties.get("max_request_size", "6553500"))
            stack.enter_context(torchserve_door(listening, f"{temporary}/inference.sock", ring, largest))
        elif properties.get("disable_token_authorization", "false").lower() == "true":
            own_key = None
        server = Server(
            url=addresses.inference,
            management_url=addresses.management,
            token=TokenSource(file=own_key, management_url=addresses.management),
            logs=state / "logs",
            temporary=temporary,
            process=process,
            log=ServerLog(cast(IO[str], process.stdout)),
        )
        wait_until_ready(server, pools, progress)
        record = ServerRecord(server.url, server.management_url, process.pid, str(own_key) if own_key else None)
        write_record(record, state)
        if server.management_url.startswith("unix:"):
            management_link.symlink_to(server.management_url.removeprefix("unix:"))  # a place to find it at
        yield server


def server_environment(state: Path, temporary: Path, pools: Sequence[WorkerPool]) -> dict[str, str]:
    """The environment of a server and its workers."""
    environment = dict(os.environ)
    for name in (
        "PYTHONPATH",  # would go before the archive's own modules
        "TS_CONFIG_FILE",  # would replace --ts-config
    ):
        environment.pop(name, None)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', os.defpath)}"
    environment["TMPDIR"] = environment["TEMP"] = str(temporary)
    environment["LOG_LOCATION"] = environment["METRICS_LOCATION"] = str(state / "logs")
    # An explanation's threads wait for each other thousands of times. Spinning meanwhile, as by default, they use up
    # the little that predictions leave them: five times slower on busy cores.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment.update({WORKERS_VARIABLES[pool.model]: str(pool.workers) for pool in pools})
    return environment
