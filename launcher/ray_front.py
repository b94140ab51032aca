"""Ray Serve with coronet.mar as a child of this process: what launcher/server.py is, without TorchServe and Java."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, cast
from zipfile import ZipFile

from client.tokens import RECORD_FILE, ServerRecord, TokenSource, state_directory, write_record
from fronts.keys import own_key_file
from fronts.ray_serve.settings import FrontSettings, PoolSettings
from launcher.mounted_keys import MountedKeys
from launcher.packaged_files import ROOMS, TORCHSERVE_CONFIG
from launcher.places import locked, make_state_directory, remove_files, temporary_directory
from launcher.readiness import Progress, wait_until_ready
from launcher.server import Server, check_archive, say_nothing, server_environment
from launcher.server_log import ServerLog
from launcher.supervised import supervised
from launcher.torchserve_config import LOOPBACK, read_properties, settle_addresses
from launcher.worker_pools import ARCHIVE, WorkerPool, choose_pools, count_gpus
from model_src.cores import available_cores
from model_src.errors import ServerError


@contextmanager
def ray_front(
    model_store: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    metrics_port: int | None = None,
    workers: int | None = None,
    explain_workers: int | None = None,
    most_workers: int | None = None,
    most_explain_workers: int | None = None,
    keys: MountedKeys | None = None,
    dashboard: bool = False,
    state: Path | None = None,
    progress: Progress = say_nothing,
) -> Iterator[Server]:
    """Serve MODEL_STORE/coronet.mar: yields when every worker pool has answered, stops everything at the end.

    It stops too when this process dies, however it dies. Predictions and explanations have their own addresses and
    workers, as with TorchServe; these are Ray Serve's.

    Args:
        model_store: directory with coronet.mar.
        host: the address to listen at, for requests and metrics; None: the loopback address.
        port, metrics_port: 8080 and 8082; with `port` alone, metrics take the second after it.
        workers, explain_workers: worker processes of each pool that are always there; None: by cores and GPUs. Without
            explain_workers (0) one model serves both.
        most_workers, most_explain_workers: how many there may be under load; None: no more than those.
        keys: those to let in; None: a key is made for as long as this server runs.
        dashboard: Ray's own page, at this machine's address alone.
        state: directory for key file, logs and record; by default the user's own for this port, where
            `coronet predict` looks for the token.
        progress: is told in a line each what is being done.

    Raises:
        ServerError: no archive, no key, a port in use, or a model that does not load.
    """
    check_archive(model_store)
    if find_spec("ray") is None:  # it runs in a process of its own, where this would come to light late
        raise ModuleNotFoundError("Ray is not installed", name="ray")
    properties = read_properties(TORCHSERVE_CONFIG)
    host = host or LOOPBACK
    gpus = count_gpus(properties)
    pools = choose_pools(available_cores(), gpus, workers, explain_workers)
    most = [most_workers, most_explain_workers][: len(pools)]
    settings = [_pool(pool, limit) for pool, limit in zip(pools, most, strict=True)]
    with temporary_directory() as temporary, ExitStack() as stack:
        wanted = {"inference_address": f"http://{host}:8080", "metrics_address": f"http://{host}:8082"}
        addresses = settle_addresses(wanted, port, None, metrics_port, management_socket=f"{temporary}/management.sock")
        state = make_state_directory(state or state_directory(addresses.port))
        stack.enter_context(locked(state))
        key_file, management_link = state / "key_file.json", state / "management.sock"
        leftovers = (key_file, management_link, state / RECORD_FILE)
        remove_files(leftovers)
        stack.callback(remove_files, leftovers)
        (state / "logs").mkdir(exist_ok=True)
        if keys is None:
            write_keys(key_file)
        own_key = key_file if keys is None else own_key_file(keys.path.absolute())
        with ZipFile(model_store / ARCHIVE) as archive:
            archive.extractall(temporary / "archive")
        front = FrontSettings(
            archive=str(temporary / "archive"),
            temporary=str(temporary),
            logs=str(state / "logs"),
            host=host,
            port=addresses.port,
            metrics_port=int(addresses.metrics.rpartition(":")[2]),
            management=addresses.management.removeprefix("unix:"),
            keys=str(key_file if keys is None else keys.path.absolute()),
            key_overlap=None if keys is None else keys.overlap,
            largest_request=int(properties["max_request_size"]),
            queue=int(properties["job_queue_size"]),
            cores=available_cores(),
            gpus=gpus,
            dashboard=dashboard,
            pools=tuple(settings),
        )
        front.write(temporary / "front.json")
        progress(f"Ray starts; keys and logs are in {state}")
        # `env`, because the supervisor keeps its own PYTHONPATH from the server.
        command = ["env", f"PYTHONPATH={ROOMS}", sys.executable, "-m", "fronts.ray_serve.main"]
        process = stack.enter_context(
            supervised(
                [*command, str(temporary / "front.json")],
                state,
                server_environment(state, temporary, pools),
                itself=True,
            )
        )
        server = Server(
            url=addresses.inference.replace("//0.0.0.0:", f"//{LOOPBACK}:"),
            management_url=addresses.management,
            token=TokenSource(file=own_key, management_url=addresses.management),
            logs=state / "logs",
            temporary=temporary,
            process=process,
            log=ServerLog(cast(IO[str], process.stdout)),
            name="Ray Serve",
        )
        wait_until_ready(server, pools, progress)
        write_record(ServerRecord(server.url, server.management_url, process.pid, str(own_key)), state)
        management_link.symlink_to(server.management_url.removeprefix("unix:"))  # a place to find it at
        yield server


def write_keys(path: Path) -> None:
    """Make keys for one run of a server, in the form of TorchServe's key_file.json, readable by its user alone."""
    made = {kind: {"key": secrets.token_urlsafe(24)} for kind in ("inference", "management")}
    path.touch(mode=0o600)
    path.write_text(json.dumps(made) + "\n")


def _pool(pool: WorkerPool, most: int | None) -> PoolSettings:
    if most is not None and most < pool.workers:
        raise ServerError(f"found at most {most} workers of {pool.model} and {pool.workers} of them always, need more")
    highest = most or pool.workers
    chosen = os.environ.get("OMP_NUM_THREADS", "")  # the operator's own choice; Ray sets it for itself later
    return PoolSettings(
        model=pool.model,
        workers=pool.workers,
        most_workers=highest,
        batch=pool.batch,
        delay=pool.delay / 1000,
        threads=int(chosen) if chosen.isdigit() and int(chosen) > 0 else max(1, available_cores() // highest),
        silence=pool.response_timeout,
        start=pool.startup_timeout,
    )
