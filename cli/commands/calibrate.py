"""Learn from validation films when a trained model should say more than one class, or that it does not know.

RUN_DIR gets calibration.json, which 'coronet export' and 'coronet archive' take along. A training writes it by itself;
this makes it for weights that have none, or anew. The films are those that the training set aside, made again from
the data it was trained on, or the validation split of DATA_DIR where it has one of its own.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a finished run")
    parser.add_argument(
        "data_dirs", type=Path, nargs="+", metavar="DATA_DIR", help="what it was trained on, or with a validation split"
    )
    parser.add_argument(
        "--roots",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="more folders to look for a label file's images in",
    )
    parser.add_argument(
        "--reads",
        type=Path,
        metavar="FILE",
        help="table of radiologists' reads that corrected labels for the training",
    )
    parser.add_argument("--skip-unreadable", action="store_true", help="leave unreadable images out")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")


def run(args: argparse.Namespace) -> int:
    """Calibrate as asked."""
    import tempfile

    from evaluation.evaluated_split import evaluated_examples
    from model_src.numerics import set_repeatable_float32
    from train.calibration.calibrate import calibrate_run
    from train.calibration.wording import sentences
    from train.data.image_cache import open_cache
    from train.device import choose_compute
    from train.runs.run_folder import RunFolder

    set_repeatable_float32()
    folder = RunFolder(args.run_dir)
    size = folder.record().recipe.image_size
    device = choose_compute(args.device, "float32").device
    examples = evaluated_examples(
        args.run_dir, args.data_dirs, "validation", args.roots, missing_ok=args.skip_unreadable, reads=args.reads
    )
    with tempfile.TemporaryDirectory(prefix="coronet-calibrate-") as cache:
        films = open_cache(examples, size, cache, skip_unreadable=args.skip_unreadable)
        calibration = calibrate_run(folder, films, device)
    for line in sentences(calibration):
        print(line)
    return 0
