"""One training under way: what it computes, where it is kept, on what it runs, and the images it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from train.data.image_cache import ImageCache
from train.data.several import DataDirs
from train.device import Compute
from train.rank import Rank
from train.recipe import Recipe
from train.runs.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingOptions:
    """What a training needs beside its recipe."""

    data_dirs: DataDirs
    run_dir: Path
    model: str = "coronet"
    roots: Sequence[Path] = ()
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    cache_dir: Path | None = None  # for decoded images, kept, and residuals, deleted; default: inside the run
    tfen_run: Path | None = None  # take the autoencoders of this run instead of training them
    skip_unreadable: bool = False
    reads: Path | None = None  # radiologists' reads that correct training films' labels
    not_covid: Sequence[Path] = ()  # folders or lists of training films that are only known not to be COVID-19
    resume: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True))


@dataclass(frozen=True)
class TrainingSession:
    """What every stage of a training is given.

    Attributes:
        recipe: the settings that decide what is computed.
        options: what the user asked for beside them.
        run: the folder that keeps the result.
        compute: device and precision.
        rank: which of the training's processes this is.
        train: images to train on.
        validation: images to select weights on.
    """

    recipe: Recipe
    options: TrainingOptions
    run: RunFolder
    compute: Compute
    rank: Rank
    train: ImageCache
    validation: ImageCache

    @property
    def seed(self) -> int:
        """Decides every random draw, with epoch, step and image."""
        return self.options.seed

    @property
    def console(self) -> Console:
        """Where progress is shown."""
        return self.options.console

    @property
    def residual_folder(self) -> Path:
        """Where this run's residuals lie: with the decoded images, but in a folder that no other run looks at.

        Nor does one that is begun anew in the same RUN_DIR: it has an id of its own.
        """
        return (self.options.cache_dir or self.run.cache) / f"residuals-{self.run.record().id}"
