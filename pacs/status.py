"""What a spool holds, told to a person; and new tries for what has failed. Works while the node runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from model_src.errors import DataError, ServerError
from pacs.spool import keys_in, read_task, read_why, retry, take_lock

_MOST_LINES = 20


def status_lines(root: Path) -> list[str]:
    """Whether a node runs, how many films are in which state, and of those in trouble why.

    Raises:
        DataError: there is no spool.
    """
    _require_spool(root)
    waiting = []
    for key in keys_in(root, "waiting"):
        try:
            waiting.append((read_task(root / "waiting" / key), key))
        except FileNotFoundError:  # done in this moment
            continue
    waiting.sort(key=lambda each: each[0].arrived)
    failed = sorted(keys_in(root, "failed"))
    oldest = f", the oldest for {(time.time() - waiting[0][0].arrived) / 60:.0f} minutes" if waiting else ""
    lines = [
        f"node     {'runs' if _is_taken(root) else 'does not run'}",
        f"waiting  {len(waiting)}{oldest}",
        f"failed   {len(failed)}",
        f"done     {len(keys_in(root, 'done'))}",
    ]
    troubled = [(task, key) for task, key in waiting if task.why]
    lines += [f"waiting  {key}  {task.tries} tries: {task.why}" for task, key in troubled[:_MOST_LINES]]
    lines += [f"failed   {key}  {read_why(root / 'failed' / key)}" for key in failed[:_MOST_LINES]]
    more = max(0, len(troubled) - _MOST_LINES) + max(0, len(failed) - _MOST_LINES)
    return [*lines, *([f"and {more} more: see {root}"] if more else [])]


def retry_films(root: Path, keys: Sequence[str]) -> list[str]:
    """Give failed films new tries: those whose keys begin so, or all.

    Raises:
        DataError: there is no spool, or a key fits none or several films.
    """
    _require_spool(root)
    failed = sorted(keys_in(root, "failed"))
    chosen = list(failed)
    if keys:
        chosen = []
        for key in keys:
            fitting = [each for each in failed if each.startswith(key)]
            if len(fitting) != 1:
                raise DataError(f"{key}: found {len(fitting)} failed films whose key begins so, need one: see status")
            chosen += fitting
    put_back = sum(retry(root, key) for key in chosen)
    waits = "" if _is_taken(root) else ": they wait until 'coronet pacs' runs"
    return [f"{put_back} films wait again{waits}"]


def _require_spool(root: Path) -> None:
    if not (root / "waiting").is_dir():
        raise DataError(f"{root}: found no spool there, need the one of a node that has run: see spool in its settings")


def _is_taken(root: Path) -> bool:
    try:
        take_lock(root).close()
    except ServerError:
        return True
    return False
