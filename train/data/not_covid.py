"""Training films that are only known not to be COVID-19: `--not-covid PATH`.

Where COVID-19 comes from far hospitals and the other classes from one, a network learns that hospital's look: all else
is COVID-19 to it. Films of other hospitals, with other diseases or with none, speak against that. Which of the other
classes they are is not asked: tuberculosis is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from train.data.examples import NOT_COVID, Example, patient_in_name
from train.data.files import below_first
from train.data.metadata import filled_in
from train.data.named_films import name_of, named_films


def read_not_covid(paths: Sequence[Path], roots: Sequence[Path]) -> list[Example]:
    """The films of folders, or of lists with a path a line; the folder's or list's name is their source.

    Whose films they are, a metadata.csv in one of the roots or beside them says; otherwise their names do.

    Raises:
        DataError: as `named_films` and `filled_in`.
    """
    found = []
    for path in paths:
        folders = list(dict.fromkeys([*roots, path, path.parent]))
        films = [
            Example(film, NOT_COVID, patient_in_name(below_first(film, [*roots, path.parent])), name_of(path))
            for film in named_films("--not-covid", path, roots)
        ]
        found += filled_in(films, folders)
    return found
