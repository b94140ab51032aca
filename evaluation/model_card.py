"""Write the model card of a published run, or check that it is the one.

    python -m evaluation.model_card RUN_DIR [--out MODEL_CARD.md] [--check]
    python -m evaluation.model_card RUN_DIR --training CoroNet=REPORT_DIR "EfficientNet-Lite2 on the film=REPORT_DIR"
    python -m evaluation.model_card RUN_DIR --collection cxr512=REPORT_DIR
    python -m evaluation.model_card RUN_DIR --curve curve.json --curve-picture curve.png --remark "What it shows."

RUN_DIR is a folder that `python -m train.runs.publish` made, with the figures of an evaluation in its metrics.json.
Evaluations of other trainings on the same test films, of these weights and their other trainings on other films, and a
curve of `benchmarks.learning_curve`, are added there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evaluation.card.beside import add_collection, add_curve, add_training
from evaluation.card.render import card_of
from model_src.atomic import atomic_write
from model_src.errors import CoroNetError, RunError


def main() -> int:
    """The command line. Exit status 1: the card cannot be made, or with --check is another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--out", type=Path, default=Path("MODEL_CARD.md"), metavar="FILE")
    parser.add_argument("--check", action="store_true", help="write nothing; say whether FILE is the card of RUN_DIR")
    parser.add_argument("--training", nargs="+", default=[], metavar="NAME=REPORT_DIR", help="CoroNet: of this model")
    parser.add_argument("--collection", nargs="+", default=[], metavar="NAME=REPORT_DIR", help="other test films")
    parser.add_argument("--curve", type=Path, metavar="FILE")
    parser.add_argument("--curve-picture", metavar="PNG", help="its plot, as a link in FILE has it")
    parser.add_argument("--remark", action="append", default=[], metavar="TEXT", help="a line below the curve")
    args = parser.parse_args()
    try:
        for text in args.training:
            add_training(args.run_dir, *_named("--training", text))
        for text in args.collection:
            add_collection(args.run_dir, *_named("--collection", text))
        if args.curve:
            add_curve(args.run_dir, args.curve, args.remark, args.curve_picture)
        card = card_of(args.run_dir)
        if args.check:
            same = args.out.is_file() and args.out.read_text(encoding="utf-8") == card
            print(f"{args.out}: {'is' if same else 'is not'} the card of {args.run_dir}", file=sys.stderr)
            return 0 if same else 1
        with atomic_write(args.out) as temporary:
            temporary.write_text(card, encoding="utf-8")
    except (CoroNetError, OSError, UnicodeDecodeError) as error:
        print(f"model_card: {error}", file=sys.stderr)
        return 1
    return 0


def _named(option: str, text: str) -> tuple[str, Path]:
    """What NAME=REPORT_DIR names. Raises RunError."""
    name, named, report = text.partition("=")
    if not (name and named and report):
        raise RunError(f"{option}: found {text!r}, need NAME=REPORT_DIR, such as CoroNet=build/report")
    return name, Path(report)


if __name__ == "__main__":
    sys.exit(main())
