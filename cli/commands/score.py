"""Score an archive of films into Parquet parts: killed and resumed at will, every film once.

    coronet score FOLDER --model coronet.mar --out DIR     begin; the same command again goes on
    coronet score --out DIR --verify                       prove by counting that no film is missing or twice

A SOURCE is a folder, a list of paths (.txt), a tar (WebDataset), a URL that fsspec can read (s3://BUCKET/FOLDER), or a
PACS (dicomweb+https://HOST/dicom-web?StudyDate=20260101-20260131). A film that cannot be read is a row with an error,
and no failure of the command. Several machines: --ray, or --of N with an --index each.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cli.explanation_methods import METHODS
from model_src.classes import RESEARCH_USE
from model_src.errors import DataError

if TYPE_CHECKING:  # they bring torch
    from scoring.backend import Backend
    from scoring.options import ScoreOptions, Share
    from scoring.run_folder import RunFolder

_INDEX_VARIABLE = "JOB_COMPLETION_INDEX"  # of a Kubernetes Indexed Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet score`."""
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="where films are; the order counts")
    parser.add_argument("--model", type=Path, metavar="MAR", help="coronet.mar; not needed to go on")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run's folder")
    parser.add_argument("--verify", action="store_true", help="score nothing: compare the parts with the manifest")
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes of this machine (one for each core)")
    parser.add_argument(
        "--threads",
        type=_positive,
        default=1,
        metavar="N",
        help="of each worker; part of the run (default: %(default)s)",
    )
    parser.add_argument("--shard-films", type=_positive, metavar="N", help="films in a part (2000)")
    parser.add_argument(
        "--identify",
        choices=["content", "stat"],
        help="how a film is known again: by SHA-256, which reads all once before (the default), or size and time",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], help="(cpu)")
    parser.add_argument("--batch", type=_positive, metavar="N", help="films that a GPU classifies at once (32)")
    parser.add_argument("--accept-removed", action="store_true", help="go on though all films of a shard are gone")
    parser.add_argument(
        "--no-source-check", action="store_true", help="do not look for films that were added, removed or exchanged"
    )
    explained = parser.add_argument_group("explanations")
    explained.add_argument("--explain", choices=METHODS, metavar="METHOD", help="maps of some films: how")
    explained.add_argument(
        "--explain-when",
        default="all",
        metavar="RULE",
        help="which: all, a class, or a class from a probability on, such as 'COVID-19>=0.5' (default: %(default)s)",
    )
    machines = parser.add_argument_group("several machines, which share DIR")
    machines.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    machines.add_argument("--of", type=_positive, metavar="N", help="this is one of N runs over DIR")
    machines.add_argument("--index", type=int, metavar="I", help=f"which, from 0 (default: ${_INDEX_VARIABLE})")
    pacs = parser.add_argument_group("a PACS")
    pacs.add_argument("--pacs-user", metavar="NAME")
    pacs.add_argument("--pacs-password-file", type=Path, metavar="FILE")
    pacs.add_argument("--pacs-token-file", type=Path, metavar="FILE")
    pacs.add_argument("--pacs-authority", type=Path, metavar="FILE", help="certificates to trust")


def run(args: argparse.Namespace) -> int:
    """Score, or verify."""
    from scoring.run_folder import RunFolder

    folder = RunFolder(args.out)
    if args.verify:
        return _verify(folder)
    from launcher.stop_signals import stop_signals
    from scoring.run import score

    options = _options(args)
    try:
        with stop_signals():
            outcome = score(folder, options, _backend(args))
    except KeyboardInterrupt:
        print("coronet: what is done stays: run the same command again to go on", file=sys.stderr)
        raise
    for line in outcome.changes.lines() if outcome.changes else ():
        print(f"coronet: {line}", file=sys.stderr)
    scored = outcome.scored
    print(f"{scored.films:,} films: {scored.answered:,} answers, {scored.errors:,} errors in {args.out / 'parts'}")
    if outcome.complete:
        print(f"all {outcome.films:,} films are done; summary in {args.out / 'summary.html'}")
    else:
        print(f"other shares of the {outcome.films:,} films are not done yet")
    print(f"coronet: {RESEARCH_USE}", file=sys.stderr)
    return 0


def _verify(folder: RunFolder) -> int:
    from scoring.verify import verify

    print(f"verified: {verify(folder).line()}")
    return 0


def _options(args: argparse.Namespace) -> ScoreOptions:
    from scoring.options import ScoreOptions
    from scoring.settings import Explain, parse_rule
    from scoring.sources.pacs import PacsAccess

    if (args.pacs_user is None) != (args.pacs_password_file is None):
        raise DataError("found one of --pacs-user and --pacs-password-file, need both or none")
    files = (args.pacs_password_file, args.pacs_token_file, args.pacs_authority)
    access = PacsAccess(args.pacs_user, *(path and path.absolute() for path in files))
    return ScoreOptions(
        sources=args.sources,
        model=args.model,
        identify=args.identify,
        shard_films=args.shard_films,
        device=args.device,
        threads=args.threads,
        batch=args.batch,
        explain=Explain(args.explain, parse_rule(args.explain_when)) if args.explain else None,
        access=access,
        accept_removed=args.accept_removed,
        check_source=not args.no_source_check,
        share=_share(args),
    )


def _share(args: argparse.Namespace) -> Share | None:
    from scoring.options import Share

    if args.of is None:
        if args.index is not None:
            raise DataError("found --index without --of, need the number of runs too")
        return None
    given = os.environ.get(_INDEX_VARIABLE, "") if args.index is None else str(args.index)
    if not given.isdecimal() or int(given) >= args.of:
        raise DataError(
            f"--index: found {given or 'nothing'}, need a number from 0 to {args.of - 1} for --of {args.of}"
        )
    return Share(int(given), args.of)


def _backend(args: argparse.Namespace) -> Backend:
    if args.ray is not None:
        if find_spec("ray") is None:
            raise DataError("--ray: found no ray: in the project's folder, pip install '.[score,ray]'")
        from scoring.ray_cluster import RayCluster

        return RayCluster(args.ray)
    from model_src.cores import available_cores
    from scoring.local_processes import LocalProcesses

    return LocalProcesses(args.workers or max(1, available_cores() // (args.threads or 1)))


def _positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, need a whole number from 1")
    return int(text)
