"""What keeps a film from being answered, beside the errors of its image: kinds that stand in the column `error`."""

from __future__ import annotations

from model_src.errors import CoroNetError


class FilmError(CoroNetError):
    """A film that is put down as an error; `kind` is the column's value."""

    @property
    def kind(self) -> str:
        """The error's name in the column."""
        return type(self).__name__


class FilmRemoved(FilmError):
    """It was there when the manifest was made, and is no longer."""


class FilmChanged(FilmError):
    """It is not the film of the manifest any more."""


class FilmUnreadable(FilmError):
    """It is there and cannot be read."""


class WorkerLost(FilmError):
    """Whoever read it died of it, twice."""


class SourceLost(CoroNetError):
    """The place where films are does not answer: nothing is wrong with the film, and the run stops."""
