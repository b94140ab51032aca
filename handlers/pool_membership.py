"""The worker pool that a worker belongs to: predictions, explanations, or both, and what it may begin just now.

The archive may be registered as two models. Workers of `coronet-explain` then take explanations, at low priority, and
workers of `coronet` stay free for predictions: an explanation that is sent to them nevertheless is answered as long as
it is short and one of them is left over, else its sender is told where to ask. With `coronet` alone, its workers do
both.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from handlers.server_files import WORKERS_VARIABLES, ServerFiles, is_request_name
from model_src.cores import available_cores
from model_src.model_names import EXPLAIN_MODEL
from model_src.time_limits import EXPLANATION_BESIDE_PREDICTIONS

logger = logging.getLogger(__name__)

_NICENESS = 10  # a tenth of a core that predictions want too, and all of one that they leave idle


@dataclass(frozen=True)
class PoolMembership:
    """One worker's pool; `files` None: nothing can be agreed on with other workers, so it works as if alone."""

    explains: bool
    workers: int
    files: ServerFiles | None

    @classmethod
    def join(cls, model: str, workers: int) -> PoolMembership:
        """Make this process a worker of the model that it was started for, before it loads anything.

        Args:
            model: the name under which the archive is registered.
            workers: how many such workers there are, by the archive's model-config.yaml; `coronet serve` knows better.
        """
        chosen = os.environ.get(WORKERS_VARIABLES.get(model, ""), "")
        explains = model == EXPLAIN_MODEL
        try:
            ServerFiles.remove_leftovers()
            files = ServerFiles.of_process(os.getppid())
            if explains:
                files.announce_explanations()
        except OSError as error:
            logger.warning("workers cannot share a directory (%s): explanations may hold up predictions", error)
            files = None
        if explains:
            os.nice(_NICENESS)  # threads that are started later inherit it
        return cls(explains, int(chosen) if chosen.isdigit() and int(chosen) > 0 else max(1, workers), files)

    def threads(self) -> int:
        """This worker's share of the cores, at least 1: more threads than cores make every worker slower.

        Each pool has all cores: explanations run when predictions leave them idle. An OMP_NUM_THREADS in the
        environment is the operator's own choice and wins.
        """
        chosen = os.environ.get("OMP_NUM_THREADS", "")
        return int(chosen) if chosen.isdigit() and int(chosen) > 0 else max(1, available_cores() // self.workers)

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Around every batch; False when the server is stopping and the batch is to be sent away."""
        wanted = True
        with ExitStack() as held:
            if self.files is not None:
                with suppress(OSError):  # the directory cannot be used any more: on as if alone
                    wanted = held.enter_context(self.files.working())
                    if self.explains:  # again: cleaners of /tmp take what is old
                        self.files.announce_explanations()
            yield wanted

    @contextmanager
    def explaining(self) -> Iterator[float]:
        """Around every explanation; gives the seconds it may take, 0 when it would take predictions' last worker."""
        seconds = math.inf
        with ExitStack() as held:
            if self.files is not None and not self.explains:
                with suppress(OSError):  # as above
                    if self.files.has_explanations():
                        free = held.enter_context(self.files.slot(self.workers - 1))
                        seconds = EXPLANATION_BESIDE_PREDICTIONS if free else 0
            yield seconds

    def abandon(self, name: str) -> None:
        """Let the worker that explains the request of this name, or is about to, drop it."""
        if self.files is not None:
            with suppress(OSError):  # then it goes on to its end
                self.files.abandon(name)

    def abandoned(self, name: str | None) -> bool:
        """Whether the caller of the request of this name has gone; never, of a request without a name."""
        if self.files is not None and is_request_name(name):
            with suppress(OSError):  # as above
                return self.files.abandoned(str(name))
        return False
