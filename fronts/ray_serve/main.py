"""The front's process: `python -m fronts.ray_serve.main SETTINGS.json`, started by launcher/ray_front.py."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
from pathlib import Path

from fronts.listening import listen_unix
from fronts.ray_serve.settings import FrontSettings
from model_src.errors import ServerError
from model_src.sockets import listen

logger = logging.getLogger(__name__)


def main(path: str) -> int:
    """Serve until SIGTERM; the exit status."""
    settings = FrontSettings.read(Path(path))
    form = "%(asctime)s [%(levelname)-5s] %(threadName)s %(name)s - %(message)s"
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format=form)
    try:
        sockets = (
            listen(settings.host, settings.port),
            listen(settings.host, settings.metrics_port),
            listen_unix(settings.management),
        )
        _prepare_ray()
        from fronts.ray_serve.serving import serving, start_ray  # ray reads the environment when it is imported

        start_ray(settings)
        asyncio.run(serving(settings, sockets))
    except ServerError as error:
        logger.error("Failed to load model: %s", error)
        return 1
    return 0


def _prepare_ray() -> None:
    """A Ray of this server's own, that tells nobody of itself and lets nobody in."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        del os.environ[name]  # RAY_ADDRESS would have it join another cluster
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0",
        # Its processes talk over ports on all addresses of the machine: they ask for this token, which only they have.
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
        RAY_SERVE_LOG_TO_STDERR="0",
        RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS="1",  # one that hangs would be waited for
        RAY_SERVE_CONTROL_LOOP_INTERVAL_S="0.5",  # 0.1 by default, at a tenth of a core
        RAY_worker_niceness="0",  # 15 by default; who explains steps back by itself
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
