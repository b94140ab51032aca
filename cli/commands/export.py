"""Turn a run folder into artefacts that can be served.

ARTEFACT_DIR gets both networks as TorchScript (tfen.pt, cin.pt) and as torch.export programs (tfen.pt2, cin.pt2), and
artefacts.json. All are loaded back and compared with the eager networks (1e-5) before the folder appears.
Generated pictures go with them (check_images.png): a server chooses the fastest engine that answers right on them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_CHECK_IMAGES = 6  # two of each class


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a finished run")
    parser.add_argument("--out", type=Path, required=True, metavar="ARTEFACT_DIR", help="folder to write")


def run(args: argparse.Namespace) -> int:
    """Export as asked."""
    from train.runs.export import TOLERANCE, export_run

    info = export_run(args.run_dir, args.out, _check_images)
    print(
        f"{args.out}: TFEN ({info.parameters['tfen']:,} parameters) and CIN ({info.parameters['cin']:,}) "
        f"for {info.image_size} pixels, equal to the eager networks within {TOLERANCE:.0e}"
    )
    for warning in info.warnings:
        print(f"note: {warning}")
    return 0


def _check_images(size: int) -> list[np.ndarray]:
    """Phantoms of every class, (S, S) uint8 each."""
    from phantoms.generate import make_phantom

    return [make_phantom(seed % 3, seed=seed, size=size).image for seed in range(_CHECK_IMAGES)]
