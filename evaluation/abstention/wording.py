"""The study of abstention as sentences and tables for the console and the report."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from evaluation.abstention.study import AbstentionStudy
from evaluation.intervals import Estimate
from evaluation.wording import interval, number


def counted(estimate: Estimate) -> str:
    """ "93.5% (92.3 to 94.5; 76 of 80)"; "-" where there is nothing to count."""
    if estimate.value is None:
        return "-"
    return f"{number(estimate, 'percent')} ({interval(estimate, 'percent')}; {estimate.successes} of {estimate.total})"


def area(estimate: Estimate) -> str:
    """ "0.912 (0.880 to 0.936)"."""
    ends = interval(estimate, "share")
    return f"{number(estimate, 'share')} ({ends or estimate.note})"


def coverage_table(study: AbstentionStudy) -> Table:
    """How often the sets hold the true class, class by class and source by source."""
    table = Table(title="Prediction sets: how often they hold the true class", title_justify="left", title_style="bold")
    table.add_column("")
    levels = list(study.figures.sizes)
    for level in levels:
        table.add_column(f"{level}% set", justify="right")
    for row in study.figures.coverage:
        name = f"{row.name}, {row.source}" if row.source else row.name
        table.add_row(Text(name), *(counted(row.within[level]) if level in row.within else "-" for level in levels))
    return table


def outside_table(study: AbstentionStudy) -> Table:
    """How well films outside are told from the split's."""
    table = Table(title="Films outside the classes", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("ROC area of the scope score", justify="right")
    table.add_column("found out of scope", justify="right")
    for group in study.outside:
        table.add_row(Text(group.name), area(group.area), counted(group.left_out))
    return table


def remarks(study: AbstentionStudy) -> list[str]:
    """What came of it, in sentences."""
    figures = study.figures
    found = [
        f"Answered: {counted(figures.answered)} of the films, of which {counted(figures.right)} rightly; "
        f"of the others, the most probable class is right for {counted(figures.right_of_others)}."
    ]
    for level, sizes in figures.sizes.items():
        parts = ", ".join(f"{count} of {size} {'class' if size == 1 else 'classes'}" for size, count in sizes.items())
        found.append(f"{level}% sets: {parts}.")
    if "" in figures.in_scope:
        found.append(f"In scope: {counted(figures.in_scope[''])} of the films.")
    for level, names in figures.always.items():
        found.append(f"Every {level}% set holds {' and '.join(names)}: too few validation films to leave it out.")
    unreadable = sum(group.unreadable for group in study.outside)
    if unreadable:
        found.append(f"{unreadable} files of --outside cannot be read and are left out.")
    return found
