"""Make a run folder from existing weight files (PyTorch state dicts).

Takes the authors' released autoencoders as they are. Without --cin the classifier starts untrained, and
everything made from the run says so; train one with: coronet train DATA_DIR --tfen RUN_DIR --out NEW_RUN_DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("--healthy", type=Path, required=True, metavar="FILE", help="autoencoder of healthy X-rays")
    parser.add_argument("--pneumonia", type=Path, required=True, metavar="FILE", help="autoencoder of pneumonia X-rays")
    parser.add_argument("--cin", type=Path, metavar="FILE", help="classifier: a ResNet-18 with three outputs")
    parser.add_argument(
        "--image-size", type=int, default=224, metavar="S", help="side in pixels, a multiple of 8 (default: 224)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="RUN_DIR", help="run folder to write")


def run(args: argparse.Namespace) -> int:
    """Import as asked."""
    from model_src.networks.fpae import check_size
    from train.runs.import_weights import import_weights

    check_size(args.image_size)
    import_weights(args.healthy, args.pneumonia, args.cin, args.out, image_size=args.image_size)
    trained = f"classifier from {args.cin.name}" if args.cin else "classifier untrained"
    print(f"{args.out}: autoencoders from {args.healthy.name} and {args.pneumonia.name}, {trained}")
    return 0
