"""The paper's table, and what no source can flatter, as `coronet evaluate` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from evaluation.evaluate import Evaluation
from evaluation.honest import Honest, PairArea
from evaluation.intervals import Estimate
from evaluation.paper import CONFUSION, paper_rows
from evaluation.subgroups import Subgroup
from evaluation.wording import Unit, interval, number
from model_src.classes import CLASS_NAMES

_FACT_TITLES = {"source": "By source", "view": "By view", "sex": "By sex", "age": "By age"}


def paper_table(honest: Honest) -> Table:
    """Tables 2 to 4 of the paper beside ours, on the chosen sources."""
    where = f"sources {', '.join(honest.paper_sources)}" if honest.paper_sources else "all these"
    table = _table(f"Beside the paper: its {sum(map(sum, CONFUSION)):,} images, our {honest.paper.images:,} ({where})")
    table.add_column("")
    for heading in ("paper", "ours", "95% interval", "count"):
        table.add_column(heading, justify="right")
    for row in paper_rows(honest.paper):
        table.add_row(
            row.name,
            f"{row.printed:.1f}%",
            number(row.ours, "percent"),
            interval(row.ours, "percent") or row.ours.note,
            _count(row.ours),
        )
    return table


def honest_tables(evaluation: Evaluation) -> Iterator[Table]:
    """One source alone, COVID-19 against another class there, sources never trained on, then all subgroups."""
    honest = evaluation.honest
    if honest.one_source:
        yield _groups("One source alone", honest.one_source)
    if honest.pairs:
        yield _pairs(honest.pairs)
    if honest.unseen:
        yield _groups("Sources that training never saw", honest.unseen)
    for fact, title in _FACT_TITLES.items():
        if rows := [group for group in evaluation.subgroups if group.fact == fact]:
            yield _groups(title, rows)


def _groups(title: str, groups: Sequence[Subgroup]) -> Table:
    table = _table(title)
    table.add_column("")
    table.add_column("images", justify="right")
    for heading in ("accuracy", *(f"{name} found" for name in CLASS_NAMES)):
        table.add_column(heading, justify="right")
    table.add_column("")
    for group in groups:
        figures = group.metrics
        rates = [figures.overall["accuracy"]] if figures else []
        rates += [figures.per_class[name]["sensitivity"] for name in CLASS_NAMES] if figures else []
        shown = [_short(rate, "percent") for rate in rates] or [""] * (len(CLASS_NAMES) + 1)
        table.add_row(Text(group.value), f"{group.images:,}", *shown, group.remark)
    return table


def _pairs(pairs: Sequence[PairArea]) -> Table:
    table = _table("COVID-19 against another class, within one source")
    for heading in ("source", "view", "against"):
        table.add_column(heading)
    for heading in ("ROC area", "COVID-19", "others"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        area = _short(pair.roc_auc, "share") or pair.roc_auc.note
        table.add_row(Text(pair.source), pair.view, pair.other, area, str(pair.covid), str(pair.others))
    return table


def _table(title: str) -> Table:
    return Table(title=Text(title), title_justify="left", title_style="bold")


def _short(estimate: Estimate, unit: Unit) -> str:
    """The value over its interval and count; "" where it is not defined."""
    if estimate.value is None:
        return ""
    count = "" if estimate.successes is None else f"\n{estimate.successes} of {estimate.total}"
    return f"{number(estimate, unit)}\n{interval(estimate, unit)}{count}"


def _count(estimate: Estimate) -> str:
    return str(estimate.total) if estimate.successes is None else f"{estimate.successes} of {estimate.total}"
