"""Films outside the label files, named by folders or by lists with a path a line, each with its patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from train.data.examples import Example, patient_in_name
from train.data.files import below_first
from train.data.metadata import filled_in
from train.data.named_films import name_of, named_films


def listed_films(option: str, path: Path, roots: Sequence[Path], label: int) -> list[Example]:
    """The films of a folder or list; its name is their source.

    Whose films they are, a metadata.csv in one of the roots or beside them says; otherwise their names do.

    Raises:
        DataError: as `named_films` and `filled_in`.
    """
    films = [
        Example(film, label, patient_in_name(below_first(film, [*roots, path.parent])), name_of(path))
        for film in named_films(option, path, roots)
    ]
    return filled_in(films, list(dict.fromkeys([*roots, path, path.parent])))
