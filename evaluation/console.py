"""What `coronet evaluate` prints: the headline figures, the shortcut check, a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluation.abstention.study import AbstentionStudy
from evaluation.abstention.wording import coverage_table, outside_table
from evaluation.abstention.wording import remarks as abstention_remarks
from evaluation.compare import Comparison, format_p
from evaluation.data_facts import DataFacts, data_remarks
from evaluation.evaluate import Evaluation
from evaluation.honest_tables import honest_tables, paper_table
from evaluation.intervals import Estimate
from evaluation.maps.study import MapStudy
from evaluation.maps.wording import map_table, remarks
from evaluation.report import PAGE_NAME
from evaluation.shortcuts import ProbeResult, caveat, verdict
from evaluation.wording import Unit, change, interval, movement, number, sentence


def print_evaluation(
    evaluation: Evaluation,
    data: DataFacts,
    out: Path,
    maps: MapStudy | None = None,
    abstention: AbstentionStudy | None = None,
) -> None:
    """The headline figures, with counts and intervals, on standard output."""
    metrics = evaluation.metrics
    images = f"{metrics.images} images, {metrics.patients} patients of {data.name} ({data.split})"
    title = Text(f"{evaluation.classifier.name}: {images}")  # a name may hold what rich takes for markup
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for heading in ("value", "95% interval", "count"):
        table.add_column(heading, justify="right")
    rows: list[tuple[str, Estimate, Unit]] = [
        ("accuracy", metrics.overall["accuracy"], "percent"),
        ("balanced accuracy", metrics.overall["balanced_accuracy"], "percent"),
        ("precision, weighted", metrics.overall["precision_weighted"], "percent"),
        ("F1, weighted", metrics.overall["f1_weighted"], "percent"),
        ("ROC area, class mean", metrics.overall["roc_auc_macro"], "share"),
        ("calibration error", metrics.overall["ece"], "percent"),
    ]
    for name, figures in metrics.per_class.items():
        rows.append((f"{name}: sensitivity", figures["sensitivity"], "percent"))
        rows.append((f"{name}: PPV", figures["ppv"], "percent"))
    for name, estimate, unit in rows:
        count = str(estimate.total) if estimate.successes is None else f"{estimate.successes} of {estimate.total}"
        table.add_row(name, number(estimate, unit), interval(estimate, unit) or estimate.note, count)
    console = Console()
    console.print(table)
    if evaluation.shortcuts:
        console.print(_shortcut_table(evaluation.shortcuts))
    console.print(paper_table(evaluation.honest))
    for group_table in honest_tables(evaluation):
        console.print(group_table)
    if abstention is not None:
        _print_abstention(console, abstention)
    if maps is not None:
        console.print(map_table(maps))
        for line in remarks(maps):
            console.print(line, markup=False, highlight=False)
    check = [evaluation.engine_check.sentence] if evaluation.engine_check else []
    warnings = [sentence(warning) for warning in evaluation.classifier.provenance["warnings"]]
    first = caveat(evaluation.shortcuts, metrics.overall["accuracy"])
    for line in [first, *data_remarks(evaluation, data), *verdict(evaluation.shortcuts), *check, *warnings]:
        console.print(line, markup=False, highlight=False)
    if evaluation.skipped:
        console.print(f"{len(evaluation.skipped)} unreadable images left out; the report lists them.")
    console.print(f"report: {out / PAGE_NAME}", markup=False, highlight=False, soft_wrap=True)


def _print_abstention(console: Console, study: AbstentionStudy) -> None:
    """Coverage, films outside, and what follows."""
    console.print(coverage_table(study))
    if study.outside:
        console.print(outside_table(study))
    for line in abstention_remarks(study):
        console.print(line, markup=False, highlight=False)


def _shortcut_table(shortcuts: Sequence[ProbeResult]) -> Table:
    """How far the altered images move accuracy, in points."""
    table = Table(title="Shortcut check: the same images, altered", title_justify="left", title_style="bold")
    table.add_column("")
    for heading in ("accuracy", "against unaltered (95% interval)", "COVID-19 ROC area"):
        table.add_column(heading, justify="right")
    for result in shortcuts:
        accuracy, area = result.altered["accuracy"], result.altered["covid_roc_auc"]
        moved = movement(result.change["accuracy"], "percent").replace("\n", " ")
        table.add_row(result.probe.title, number(accuracy, "percent"), moved, number(area, "share"))
    return table


def print_comparison(comparison: Comparison, reports: Sequence[Path]) -> None:
    """Both accuracies, the four counts and the outcome, on standard output."""
    table = Table(title=f"{comparison.images} images of {comparison.patients} patients", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for row in (
        (f"A: {reports[0]}, accuracy", f"{comparison.accuracy_a:.1%}"),
        (f"B: {reports[1]}, accuracy", f"{comparison.accuracy_b:.1%}"),
        ("both right / only A / only B / both wrong", comparison.counts),
        ("accuracy, B - A, points", change(comparison.accuracy_difference, "percent")),
        ("balanced accuracy, B - A, points", change(comparison.balanced_accuracy_difference, "percent")),
        ("McNemar's exact p", format_p(comparison.mcnemar_p)),
    ):
        table.add_row(*map(Text, row))  # a path may hold what rich takes for markup
    console = Console()
    console.print(table)
    console.print(comparison.outcome, markup=False, highlight=False)
