"""A TorchServe handler that does nothing: what is left is TorchServe's own time."""

from __future__ import annotations


def handle(data: list[object], context: object) -> list[str] | None:
    """An empty answer per request; TorchServe calls it once without any."""
    return None if data is None else ["{}"] * len(data)
