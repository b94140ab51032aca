"""Training films that are only known not to be COVID-19: `--not-covid PATH`.

Where COVID-19 comes from far hospitals and the other classes from one, a network learns that hospital's look: all else
is COVID-19 to it. Films of other hospitals, with other diseases or with none, speak against that. Which of the other
classes they are is not asked: tuberculosis is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from train.data.examples import NOT_COVID, Example
from train.data.listed_films import listed_films


def read_not_covid(paths: Sequence[Path], roots: Sequence[Path]) -> list[Example]:
    """The films of folders, or of lists with a path a line.

    Raises:
        DataError: as `listed_films`.
    """
    return [film for path in paths for film in listed_films("--not-covid", path, roots, NOT_COVID)]
