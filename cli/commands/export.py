"""Turn a run folder into artefacts that can be served.

ARTEFACT_DIR gets both networks as TorchScript (tfen.pt, cin.pt) and as torch.export programs (tfen.pt2, cin.pt2), and
artefacts.json. All are loaded back and compared with the eager networks (1e-5) before the folder appears.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a finished run")
    parser.add_argument("--out", type=Path, required=True, metavar="ARTEFACT_DIR", help="folder to write")


def run(args: argparse.Namespace) -> int:
    """Export as asked."""
    from train.runs.export import TOLERANCE, export_run

    info = export_run(args.run_dir, args.out)
    print(
        f"{args.out}: TFEN ({info.parameters['tfen']:,} parameters) and CIN ({info.parameters['cin']:,}) "
        f"for {info.image_size} pixels, equal to the eager networks within {TOLERANCE:.0e}"
    )
    for warning in info.warnings:
        print(f"note: {warning}")
    return 0
