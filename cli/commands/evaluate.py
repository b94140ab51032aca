"""Evaluate a model on labelled X-rays: accuracy and the rest with 95% intervals, beside the paper's tables.

  coronet evaluate MODEL DATA_DIR... --out REPORT_DIR   MODEL: a run folder, an artefact folder or a .mar
  coronet evaluate --compare REPORT_A REPORT_B          paired comparison of two reports on the same images

REPORT_DIR gets report.html (one page with everything), metrics.json, per_image.csv and the pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from model_src.engines.settings import PRECISIONS, EngineSettings, engine_names
from model_src.errors import ArtefactError

COMPARISON_NAME = "comparison.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `coronet evaluate`."""
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="run folder, artefact folder or .mar")
    parser.add_argument(
        "data_dirs", nargs="*", type=Path, metavar="DATA_DIR", help="class folders or label files; several are one set"
    )
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
        help="images to evaluate on (test); validation: for a run folder, those that its training set aside",
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
        "--reads",
        type=Path,
        metavar="FILE",
        help="table of radiologists' reads (path, radiologist_read) that correct labels; the report says which",
    )
    parser.add_argument(
        "--paper-sources",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help="sources whose films stand beside the paper's tables (all)",
    )
    parser.add_argument(
        "--probe-shortcuts",
        action="store_true",
        help="evaluate on altered images too: does the model read lungs or sources?",
    )
    parser.add_argument(
        "--explain",
        nargs="*",
        default=["meaningful_perturbation"],
        metavar="METHOD",
        help="explanation methods to draw (meaningful_perturbation); without a METHOD none",
    )
    parser.add_argument(
        "--outside",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="folders, or lists with a path a line, of films that the model cannot be asked about: does it say so? "
        "Also tries turned, inverted and generated pictures; without a PATH these alone",
    )
    parser.add_argument("--explain-images", type=int, default=5, metavar="N", help="patients per class to explain (5)")
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="hold maps against these boxes: a CSV with path,x,y,width,height in pixels of each film",
    )
    parser.add_argument(
        "--lungs",
        type=Path,
        metavar="DIR",
        help="and against these lung masks: PNGs at the films' paths, white lungs, of each film's size",
    )
    parser.add_argument(
        "--map-methods", nargs="+", metavar="METHOD", help="explanation methods that --boxes and --lungs are for (all)"
    )
    parser.add_argument(
        "--map-films",
        type=int,
        metavar="N",
        help="at most so many films with boxes, and as many with lung masks, are explained for that (100)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="images per step (32 on CUDA; 1 on a CPU, where more are no faster and take memory)",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (auto)")
    parser.add_argument(
        "--engine",
        choices=engine_names(),
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
    if (args.map_methods or args.map_films is not None) and not (args.boxes or args.lungs):
        args.usage_error("--map-methods and --map-films are for --boxes or --lungs: name one of these")
    if args.map_films is not None and args.map_films < 1:
        args.usage_error("--map-films must be at least 1")
    if args.compare:
        if args.model:
            args.usage_error("--compare takes two report folders and no MODEL; evaluate each model first")
        return _compare(args)
    if args.precision != "auto" and not args.engine:
        args.usage_error("--precision is of an engine: name it with --engine")
    if not (args.model and args.data_dirs and args.out):
        args.usage_error("need MODEL DATA_DIR --out REPORT_DIR, or --compare REPORT_A REPORT_B")
    return _evaluate(args)


def _evaluate(args: argparse.Namespace) -> int:
    from evaluation.console import print_evaluation
    from evaluation.maps.options import MapOptions
    from evaluation.run_evaluation import EvaluationOptions, run_evaluation

    options = EvaluationOptions(
        args.model,
        args.data_dirs,
        args.out,
        args.split,
        args.roots,
        probe_shortcuts=args.probe_shortcuts,
        methods=args.explain,
        explained_patients=args.explain_images,
        outside=args.outside,
        maps=MapOptions(args.boxes, args.lungs, **_given(methods=args.map_methods, films=args.map_films)),
        batch_size=args.batch_size,
        device=args.device,
        engine=EngineSettings(args.engine, args.precision) if args.engine else None,
        skip_unreadable=args.skip_unreadable,
        seed=args.seed,
        reads=args.reads,
        paper_sources=args.paper_sources,
    )
    run = run_evaluation(options, ["coronet", *sys.argv[1:]])
    for warning in run.warnings:
        print(warning, file=sys.stderr)
    print_evaluation(run.evaluation, run.data, args.out, run.maps, run.abstention)
    if run.evaluation.engine_check and not run.evaluation.engine_check.passed:
        raise ArtefactError(run.evaluation.engine_check.failure)
    return 0


def _given(**values: Any) -> dict[str, Any]:
    """The options that were given; the others keep their defaults."""
    return {name: value for name, value in values.items() if value is not None}


def _compare(args: argparse.Namespace) -> int:
    from evaluation.compare import compare, load_report, write_comparison
    from evaluation.console import print_comparison
    from model_src.atomic import require_writable

    if args.out:
        require_writable(args.out / COMPARISON_NAME, "--out")
    comparison = compare(load_report(args.compare[0]), load_report(args.compare[1]), seed=args.seed)
    if args.out:
        write_comparison(comparison, args.compare[0], args.compare[1], args.out / COMPARISON_NAME)
    print_comparison(comparison, args.compare)
    return 0
