"""`coronet data check`: is this data fit to train on, and to evaluate a model with?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.data.check import DataCheck

_SHOWN = 5  # of each list, on screen; JSON has them all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="count, decode and compare every image",
        description="Count, decode and compare every image. Exit status 1 if training or an honest evaluation is "
        "impossible.",
    )
    check.add_argument("data_dir", type=Path, metavar="DATA_DIR", help="folder, COVIDx label file (train_*.txt) or CSV")
    check.add_argument(
        "--roots", type=Path, nargs="+", default=[], metavar="DIR", help="more folders in which images lie"
    )
    check.add_argument("--workers", type=int, metavar="N", help="images decoded at a time (default: one per core)")
    check.add_argument("--json", action="store_true", help="print everything found as JSON")
    check.set_defaults(usage_error=check.error)


def run(args: argparse.Namespace) -> int:
    """Check as asked."""
    if args.workers is not None and args.workers < 1:
        args.usage_error("--workers must be at least 1")
    from train.data.check import check_data

    check = check_data(args.data_dir, args.roots, args.workers)
    if args.json:
        print(json.dumps(check.to_dict(), indent=2))
    else:
        _print_report(check)
    return 1 if check.problems else 0


def _print_report(check: DataCheck) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from train.data.check import PAPER_COUNTS

    console = Console(highlight=False)
    table = Table(title=Text(check.data_dir), title_justify="left")  # a path may hold what rich takes for markup
    for heading in ("Split", "Class"):
        table.add_column(heading)
    for heading in ("Images", "Patients", "Paper, images"):
        table.add_column(heading, justify="right")
    for split, found in check.splits.items():
        paper = PAPER_COUNTS.get(split, {})
        for name, count in found.images.items():
            printed = f"{paper[name]:,}" if name in paper else ""
            table.add_row(split, name, f"{count:,}", f"{found.patients[name]:,}", printed)
        table.add_section()
    console.print(table)
    console.print(f"Read as {check.recognised}", markup=False, soft_wrap=True)
    if check.sizes:
        sizes = ", ".join(f"{name} {width} x {height}" for name, (width, height) in check.sizes.items())
        console.print(f"Image sizes: {sizes}")

    def show(title: str, lines: Iterable[str]) -> None:
        lines = list(lines)
        if lines:
            console.print(f"\n{title} ({len(lines):,})", style="bold")
            for line in lines[:_SHOWN]:
                console.print(f"  {line}", markup=False, soft_wrap=True)
            if len(lines) > _SHOWN:
                console.print(f"  ... and {len(lines) - _SHOWN:,} more (all with --json)")

    show("Missing", check.missing)
    show("Unreadable", (f"{path}: {reason}" for path, reason in check.unreadable.items()))
    show("Same image in several splits", map(" = ".join, check.shared_images))
    show("Same image under several labels", map(" = ".join, check.conflicting_labels))
    show(
        "Patients in several splits",
        (
            f"{patient}: {', '.join(f'{count} in {split}' for split, count in images.items())}"
            for patient, images in check.shared_patients.items()
        ),
    )
    show("Same image under several names", map(" = ".join, check.duplicates))
    show("Two values alone, as masks", check.two_valued)
    show("Lateral films", check.laterals)
    show("Children", (f"{path}: {age:.1f} years" for path, age in check.children.items()))
    for reason, files in check.left_out.items():
        show(f"Left out: {reason}", files)
    show("Unusual sizes", (f"{path}: {w} x {h}" for path, (w, h) in check.unusual_sizes.items()))
    console.print()
    for note in check.notes:
        console.print(f"Note: {note}", markup=False, soft_wrap=True)
    for problem in check.problems:
        console.print(f"Problem: {problem}", style="bold red", markup=False, soft_wrap=True)
    if not check.problems:
        console.print("No problem found.", style="bold green")
