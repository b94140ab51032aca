"""`coronet phantoms`: a DATA_DIR of generated X-ray-like pictures, with lesion masks."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="new folder for the images and masks")
    parser.add_argument(
        "--per-class",
        type=int,
        default=200,
        metavar="N",
        help="training images per class; a quarter as many are added for the test (default 200)",
    )
    parser.add_argument("--size", type=int, default=224, metavar="S", help="side in pixels (default 224)")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="random seed (default 0)")


def run(args: argparse.Namespace) -> int:
    """Draw what is asked for."""
    from phantoms.data_dir import write_phantoms
    from train.data.data_dir import describe_data
    from train.progress import track

    drawn = write_phantoms(
        args.out_dir, args.per_class, args.size, args.seed,
        progress=lambda done, total: track(done, total, "Phantoms"),
    )  # fmt: skip
    counts = describe_data(args.out_dir)["counts"]
    for split, by_class in counts.items():
        print(f"{split}: " + ", ".join(f"{count} {name}" for name, count in by_class.items()))
    if not drawn:
        print("these very phantoms were there already; nothing was drawn")
    print(f"generated pictures, not X-rays, in {args.out_dir}; lesion masks in {args.out_dir / 'masks'}")
    return 0
