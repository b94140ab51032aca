"""Trainings for tests: quiet, on the CPU, and killed on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from train.recipe import Recipe
from train.runs.run_folder import RunFolder
from train.runs.train_run import train_run
from train.session import TrainingOptions


class Killed(Exception):
    """Stands for a process that is killed."""


def train(recipe: Recipe, data: Path, run_dir: Path, **options: object) -> RunFolder:
    """A quiet training on the CPU, unless `options` say otherwise."""
    options = {"device": "cpu", "console": Console(quiet=True), **options}
    return train_run(recipe, TrainingOptions(data, run_dir, **options))  # type: ignore[arg-type]


def kill_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Let a training die once so many epochs of any stage are saved."""
    save, saved = RunFolder.save_checkpoint, []

    def dying(self: RunFolder, *args: object) -> None:
        save(self, *args)  # type: ignore[arg-type]
        saved.append(args)
        if len(saved) == epochs:
            raise Killed

    monkeypatch.setattr(RunFolder, "save_checkpoint", dying)
