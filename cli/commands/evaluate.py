"""Judge a model on labelled X-rays: accuracy and the rest with 95% intervals, beside the paper's tables.

  coronet evaluate MODEL DATA_DIR --out REPORT_DIR      MODEL: a run folder, an artefact folder or a .mar
  coronet evaluate --compare REPORT_A REPORT_B          paired comparison of two reports on the same images

REPORT_DIR gets report.html (one page with everything), metrics.json, per_image.csv and the pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_src.engines.settings import ENGINES, PRECISIONS, EngineSettings
from model_src.errors import ArtefactError

if TYPE_CHECKING:
    import torch
    from rich.table import Table

    from evaluation.compare import Comparison
    from evaluation.data_facts import DataFacts
    from evaluation.evaluate import Evaluation
    from evaluation.galleries import Explained
    from evaluation.intervals import Estimate
    from evaluation.shortcuts import ProbeResult
    from evaluation.wording import Unit
    from model_src.networks.coronet import CoroNet

COMPARISON_NAME = "comparison.json"
_GPU_BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `coronet evaluate`."""
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="run folder, artefact folder or .mar")
    parser.add_argument("data_dir", nargs="?", type=Path, metavar="DATA_DIR", help="class folders or label files")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("REPORT_A", "REPORT_B"),
        help="compare two reports, image by image",
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        default="test",
        help="images to judge (test); validation: for a run folder, those that its training set aside",
    )
    parser.add_argument(
        "--roots",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR",
        help="more folders where label files' images lie",
    )
    parser.add_argument(
        "--probe-shortcuts",
        action="store_true",
        help="judge altered images too: does the model read lungs or sources?",
    )
    parser.add_argument(
        "--explain",
        nargs="*",
        default=["meaningful_perturbation"],
        metavar="METHOD",
        help="explanation methods to draw (meaningful_perturbation); without a METHOD none",
    )
    parser.add_argument("--explain-images", type=int, default=5, metavar="N", help="patients per class to explain (5)")
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"images per step ({_GPU_BATCH} on CUDA; 1 on a CPU, where more are no faster and take memory)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="run an engine of the server, and check its answers against the artefacts in float32; "
        "exit status 1 if they differ too much",
    )
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="of --engine (auto: the workers')")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave unreadable images out and list them")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of resampling and chosen images (0)")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Evaluate or compare."""
    if args.seed < 0 or (args.batch_size is not None and args.batch_size < 1) or args.explain_images < 1:
        args.usage_error("--seed must be at least 0, --batch-size and --explain-images at least 1")
    if args.compare:
        if args.model:
            args.usage_error("--compare takes two report folders and no MODEL; evaluate each model first")
        return _compare(args)
    if args.precision != "auto" and not args.engine:
        args.usage_error("--precision is of an engine: name it with --engine")
    if not (args.model and args.data_dir and args.out):
        args.usage_error("need MODEL DATA_DIR --out REPORT_DIR, or --compare REPORT_A REPORT_B")
    return _evaluate(args)


def _evaluate(args: argparse.Namespace) -> int:
    from evaluation.classifiers import load_classifier
    from evaluation.engine_check import open_classifier
    from evaluation.evaluate import draw, draw_explanations, evaluate
    from evaluation.judged_split import judged_examples
    from evaluation.report import check_target, write_report
    from explanations import explain_batch, parse_options
    from model_src.numerics import set_repeatable_float32
    from train.device import choose_compute

    set_repeatable_float32()
    check_target(args.out)
    options = [parse_options({"method": method, "seed": args.seed}) for method in args.explain]
    device = choose_compute(args.device, "float32").device
    loaded = load_classifier(args.model, device)
    engine = EngineSettings(args.engine, args.precision) if args.engine else None
    classifier = open_classifier(loaded, engine) if engine else loaded
    examples = judged_examples(args.model, args.data_dir, args.split, args.roots, missing_ok=args.skip_unreadable)
    folder = args.data_dir if args.data_dir.is_dir() else args.data_dir.parent
    evaluation = evaluate(
        classifier,
        examples,
        [folder, *args.roots],
        batch_size=args.batch_size or (_GPU_BATCH if device.type == "cuda" else 1),
        seed=args.seed,
        probe_shortcuts=args.probe_shortcuts,
        skip_unreadable=args.skip_unreadable,
    )
    figures = draw(evaluation)
    explanations = []
    chain = classifier.coronet
    if chain is not None:
        for chosen in options:
            explain = partial(_explain, explain_batch, chain, device, chosen)
            explanations.append(draw_explanations(evaluation, explain, chosen.method, per_class=args.explain_images))
    elif options:
        print("explanations are left out: they need CoroNet's chain, and this is a baseline", file=sys.stderr)
    data = _data_facts(args)
    write_report(evaluation, data, figures, explanations, args.out, command=["coronet", *sys.argv[1:]])
    _print_results(evaluation, data, args.out)
    if evaluation.engine_check and not evaluation.engine_check.passed:
        raise ArtefactError(evaluation.engine_check.failure)
    return 0


def _explain(
    explain_batch: Any,
    coronet: CoroNet,
    device: torch.device,
    options: Any,
    x: torch.Tensor,
    targets: Sequence[int],
) -> Sequence[Explained]:
    return explain_batch(coronet, x.to(device), targets, options)


def _data_facts(args: argparse.Namespace) -> DataFacts:
    """What the report says of the data directory."""
    from evaluation.data_facts import DataFacts
    from train.data.data_dir import describe_data, list_splits

    described = describe_data(args.data_dir, args.roots)
    patients = {
        name: {example.patient for example in examples}
        for name, examples in list_splits(args.data_dir, args.roots).items()
    }
    shared = patients.get("train", set()) & patients.get(args.split, set()) if args.split != "train" else set()
    return DataFacts(str(described["name"]), args.split, str(described["kind"]), len(shared))


def _print_results(evaluation: Evaluation, data: DataFacts, out: Path) -> None:
    """The headline figures, with counts and intervals, on standard output."""
    from rich.console import Console
    from rich.table import Table

    from evaluation.data_facts import data_remarks
    from evaluation.report import PAGE_NAME
    from evaluation.shortcuts import verdict
    from evaluation.wording import interval, number, sentence

    metrics = evaluation.metrics
    judged = f"{metrics.images} images, {metrics.patients} patients of {data.name} ({data.split})"
    table = Table(title=f"{evaluation.classifier.name}: {judged}", title_justify="left", title_style="bold")
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
    check = [evaluation.engine_check.sentence] if evaluation.engine_check else []
    warnings = [sentence(warning) for warning in evaluation.classifier.provenance["warnings"]]
    for said in [*data_remarks(evaluation, data), *verdict(evaluation.shortcuts), *check, *warnings]:
        console.print(said, markup=False, highlight=False)
    if evaluation.skipped:
        console.print(f"{len(evaluation.skipped)} unreadable images left out; the report lists them.")
    console.print(f"report: {out / PAGE_NAME}", markup=False, highlight=False, soft_wrap=True)


def _shortcut_table(shortcuts: Sequence[ProbeResult]) -> Table:
    """How far the altered images move accuracy, in points."""
    from rich.table import Table

    from evaluation.wording import change, number

    table = Table(title="Shortcut check: the same images, altered", title_justify="left", title_style="bold")
    table.add_column("")
    for heading in ("accuracy", "change, points (95% interval)", "COVID-19 ROC area"):
        table.add_column(heading, justify="right")
    for result in shortcuts:
        accuracy, area = result.altered["accuracy"], result.altered["covid_roc_auc"]
        moved = change(result.change["accuracy"], "percent")
        table.add_row(result.probe.title, number(accuracy, "percent"), moved, number(area, "share"))
    return table


def _compare(args: argparse.Namespace) -> int:
    from evaluation.compare import compare, load_report, write_comparison

    comparison = compare(load_report(args.compare[0]), load_report(args.compare[1]), seed=args.seed)
    if args.out:
        write_comparison(comparison, args.compare[0], args.compare[1], args.out / COMPARISON_NAME)
    _print_comparison(comparison, args.compare)
    return 0


def _print_comparison(comparison: Comparison, reports: Sequence[Path]) -> None:
    """Both accuracies, the four counts and the outcome, on standard output."""
    from rich.console import Console
    from rich.table import Table

    from evaluation.compare import format_p
    from evaluation.wording import change

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
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(comparison.outcome, markup=False, highlight=False)
