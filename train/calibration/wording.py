"""A calibration in sentences, for the commands that make one."""

from __future__ import annotations

from model_src.calibration.file import CALIBRATION_NAME, Calibration
from train.calibration.fit_scope import FEWEST_FILMS


def sentences(calibration: Calibration) -> list[str]:
    """What it was made from, and what it cannot say."""
    films = ", ".join(f"{count:,} {name}" for name, count in calibration.films.items())
    found = [f"{CALIBRATION_NAME}: from {films} validation films of {calibration.patients:,} patients"]
    for level, names in calibration.always_in_set().items():
        found.append(f"every {level}% set holds {' and '.join(names)}: too few validation films to leave it out")
    if calibration.scope is None:
        found.append(f"answers do not say what is in scope: need {FEWEST_FILMS} validation films of several patients")
    else:
        found.append(f"{calibration.scope.in_scope_percent:.1f}% of validation films are in scope")
    return found
