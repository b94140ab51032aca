"""Put each explanation method to the four tests of Arun et al. 2021, with a run's weights and radiologists' boxes.

Localisation: does the map find the boxes better than the usual place of such boxes? Randomisation: is it lost when the
weights are? Repeatability: is it alike with other random numbers and on another training (--retrained)?
Reproducibility: and on another architecture (--architecture)? A test whose models are not given is not made.

RUN_DIR gets certificate.json, which 'coronet export' and 'coronet archive' take along; a server then says in its
description, and in each explanation's details, which tests the method has stood.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the command's arguments."""
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="a finished run")
    parser.add_argument("data_dirs", type=Path, nargs="+", metavar="DATA_DIR", help="films, training films among them")
    parser.add_argument(
        "--boxes",
        type=Path,
        required=True,
        metavar="FILE",
        help="boxes around opacities: a CSV with path,x,y,width,height in pixels of each film",
    )
    parser.add_argument(
        "--retrained",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="other trainings of the same recipe: run folders, artefact folders or .mar",
    )
    parser.add_argument(
        "--architecture",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="trainings of another architecture, such as the run of a ResNet-18 straight on the X-ray",
    )
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help="explanation methods (all)")
    parser.add_argument("--films", type=int, metavar="N", help="at most so many films with boxes (40)")
    parser.add_argument(
        "--split", choices=("train", "validation", "test", "all"), default="test", help="films to test on (test)"
    )
    parser.add_argument(
        "--roots", type=Path, nargs="+", default=[], metavar="DIR", help="more folders where label files' images lie"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of all random choices (0)")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Certify as asked."""
    if args.seed < 0 or (args.films is not None and args.films < 2):
        args.usage_error("--seed must be at least 0, --films at least 2")
    from evaluation.maps.certify import FILMS, CertifyOptions, certify
    from explanations import METHODS

    certificate = certify(
        CertifyOptions(
            args.run_dir,
            args.data_dirs,
            args.boxes,
            split=args.split,
            roots=args.roots,
            retrained=args.retrained,
            architectures=args.architecture,
            methods=args.methods or tuple(METHODS),
            films=args.films or FILMS,
            device=args.device,
            seed=args.seed,
        )
    )
    for method, line in certificate.lines().items():
        print(f"{method}: {line}")
    return 0
