"""One look for every progress bar: what is done, how much, how fast, how long still. On standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")


class _Rate(ProgressColumn):
    """Items per second since the start."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        digits = 0 if speed and speed >= 10 else 1
        return Text(f"{speed:,.{digits}f} {self._unit}/s" if speed else "", style="progress.data.speed")


def track(
    items: Iterable[T],
    total: int,
    description: str,
    unit: str = "images",
    count: Callable[[T], int] = lambda item: 1,
) -> Iterator[T]:
    """Yield `items`, showing progress on standard error; an item stands for `count(item)` of the `total`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(task, count(item))
