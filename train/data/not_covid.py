"""Training films that are only known not to be COVID-19: `--not-covid LIST`.

Where COVID-19 comes from far hospitals and the other classes from one, a network learns that hospital's look: all else
is COVID-19 to it. Films of other hospitals, with other diseases or with none, speak against that. Which of the other
classes they are is not asked: tuberculosis is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_src.errors import DataError
from train.data.examples import NOT_COVID, Example, patient_in_name


def read_not_covid(lists: Sequence[Path], roots: Sequence[Path]) -> list[Example]:
    """The films of text files with a path a line, below the file's own folder or one of `roots`.

    A list's name (without its ending) is its films' source.

    Raises:
        DataError: a list that cannot be read or is empty, or a film that is nowhere.
    """
    examples = []
    for path in lists:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"--not-covid {path}: cannot be read ({error}); need a text file with a path a line"
            ) from error
        names = [line.strip() for line in lines if line.strip()]
        if not names:
            raise DataError(f"--not-covid {path}: is empty; need a path a line")
        examples += [Example(_found(name, path, roots), NOT_COVID, patient_in_name(name), path.stem) for name in names]
    return examples


def _found(name: str, listed_in: Path, roots: Sequence[Path]) -> Path:
    for folder in (listed_in.parent, *roots):
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        f"--not-covid {listed_in}: {name} is neither below the list's folder nor below DATA_DIR or --roots; "
        "name its folder with --roots"
    )
