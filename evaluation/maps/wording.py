"""The study of maps in words: what was counted, and lines for the console."""

from __future__ import annotations

from rich.table import Table

from evaluation.intervals import Estimate
from evaluation.maps.study import BOX_PRIOR, MapStudy
from evaluation.wording import Unit, interval, number


def remarks(study: MapStudy) -> list[str]:
    """How the films were chosen, and how far readers agree."""
    lines = []
    for chosen in (study.boxed, study.lunged):
        if chosen.films:
            patients = len({film.patient for film in chosen.films})
            lines.append(
                f"{chosen.marked} films with {chosen.marks}, {chosen.told_rightly} of them told rightly, "
                f"{len(chosen.films)} of those ({patients} patients) measured."
            )
    if study.boxed.films:
        readers = study.readers
        if readers.value is None:
            lines.append("No two boxes of a film overlap: these marks do not say how far readers agree.")
        else:
            lines.append(
                f"One box against another: {readers.total} times two boxes of a film overlap, with a mean intersection "
                f"over union of {number(readers, 'share')}; the table does not say who drew which."
            )
        if BOX_PRIOR not in study.references:
            lines.append("No training film has a box: there is no box prior.")
    return lines


def map_table(study: MapStudy) -> Table:
    """Every method and reference, for the console."""
    table = Table(title="Maps against people's marks", title_justify="left", title_style="bold")
    table.add_column("")
    if study.boxed.films:
        for heading in ("hits", "overlap", "PR area"):
            table.add_column(heading, justify="right")
    if study.lunged.films:
        table.add_column("in lungs", justify="right")
    for name, figures in (study.methods | study.references).items():
        cells = []
        if study.boxed.films:
            cells.append(f"{_cell(figures.hit, 'percent')}\n{figures.hit.successes} of {figures.hit.total}")
            cells += [_cell(estimate, "share") for estimate in (figures.overlap, figures.precision_recall)]
        if study.lunged.films:
            cells.append(_cell(figures.inside, "percent"))
        table.add_row(name, *cells)
    return table


def _cell(estimate: Estimate, unit: Unit) -> str:
    return f"{number(estimate, unit)}\n{interval(estimate, unit)}".strip()
