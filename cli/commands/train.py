"""Train CoroNet: two autoencoders, then the classifier on their residuals.

DATA_DIR is a folder with class folders (Healthy, Pneumonia, COVID-19) or with COVIDx label files, one label file or
CSV, or a public collection as it is unpacked; `coronet data check` says what it was taken for. Of several, the test
patients of each are left out of the training films of all. Everything goes into
RUN_DIR; interrupt it as you like and continue with --resume. Several processes on one machine:
torchrun --nproc-per-node N -m cli train ...
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

RECIPES = ("paper", "quick", "released", "tuned")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument(
        "data_dirs", type=Path, nargs="+", metavar="DATA_DIR", help="labelled X-rays; several are one set"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="RUN_DIR", help="run folder to write")
    parser.add_argument("--recipe", choices=RECIPES, default="tuned", help="named settings (default: tuned)")
    parser.add_argument(
        "--model", choices=("coronet", "resnet18", "resnet50", "efficientnet_lite2"), default="coronet",
        help="coronet, or a plain network on the X-ray for comparison (default: coronet)",
    )  # fmt: skip
    parser.add_argument(
        "--image-size", type=int, metavar="S", help="side in pixels, a multiple of 8 (default: the recipe's)"
    )
    parser.add_argument("--fpae-epochs", type=int, metavar="N", help="epochs per autoencoder (default: the recipe's)")
    parser.add_argument("--cin-epochs", type=int, metavar="N", help="epochs of the classifier (default: the recipe's)")
    parser.add_argument(
        "--cin-init", metavar="INIT", help="imagenet, random, or a torchvision state dict (default: the recipe's)"
    )
    parser.add_argument(
        "--tfen", type=Path, metavar="RUN_DIR", help="take the autoencoders of this run instead of training them"
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
        "--cache-dir",
        type=Path,
        metavar="DIR",
        help="keep decoded images here, for other runs too, and residuals until done (default: in RUN_DIR until done)",
    )
    parser.add_argument("--skip-unreadable", action="store_true", help="leave unreadable images out, named and counted")
    parser.add_argument(
        "--reads",
        type=Path,
        metavar="FILE",
        help="table of radiologists' reads (path, radiologist_read) that correct labels; run.json says which",
    )
    parser.add_argument(
        "--not-covid",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="folders, or lists with a path a line, of other hospitals' films that are not COVID-19, to train on",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), default="auto",
        help="auto is bfloat16 on CUDA and float32 on a CPU (default: auto)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="at least 0 (default: 0)")
    parser.add_argument("--resume", action="store_true", help="continue the run in RUN_DIR")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Train as asked."""
    if args.seed < 0:
        args.usage_error("--seed must be at least 0")
    from model_src.numerics import set_repeatable_float32
    from train.rank import is_first_process
    from train.recipe import load_recipe
    from train.runs.train_run import train_run
    from train.session import TrainingOptions

    set_repeatable_float32()
    recipe = load_recipe(args.recipe).changed(
        image_size=args.image_size,
        fpae_epochs=args.fpae_epochs,
        cin_epochs=args.cin_epochs,
        cin_init=args.cin_init,
    )
    options = TrainingOptions(
        data_dirs=args.data_dirs,
        run_dir=args.out,
        model=args.model,
        roots=args.roots,
        seed=args.seed,
        device=args.device,
        precision=args.precision,
        cache_dir=args.cache_dir,
        tfen_run=args.tfen,
        skip_unreadable=args.skip_unreadable,
        reads=args.reads,
        not_covid=args.not_covid,
        resume=args.resume,
    )
    try:
        finished = train_run(recipe, options)
    except KeyboardInterrupt:
        print(f"interrupted; continue with the same command and --resume ({args.out})", file=sys.stderr)
        raise
    if is_first_process():
        last = finished.read_metrics().get("cin" if args.model == "coronet" else args.model)
        if last:
            print(f"{args.out}: validation balanced accuracy {last['balanced_accuracy']:.3f} at epoch {last['epoch']}")
        else:  # resumed when all was done, and metrics.json is gone
            print(f"{args.out}: is trained; its validation figures are lost, 'coronet evaluate' gives others")
    return 0
