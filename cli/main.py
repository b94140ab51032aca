"""The `coronet` command: one table of subcommands, of which only the one that is called gets imported.

A subcommand is a module in `cli/commands` with `add_arguments(parser)` and `run(args) -> exit status`;
its docstring is what `coronet NAME --help` says. Modules import torch and the like inside `run`, so that the
parser, `predict`, `explain` and `serve` start without them.

Exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cli.file_names import shown
from launcher.packaged_files import ROOMS
from model_src.classes import RESEARCH_USE
from model_src.errors import CoroNetError

# name -> (module in cli.commands, help), in the order in which a newcomer needs them.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "the whole way once, from model to explained X-ray"),
    "serve": ("serve", "start TorchServe and wait until the model answers"),
    "web": ("web", "show films and answers in a page of the browser"),
    "pacs": ("pacs", "take films from the PACS, send results into their study"),
    "ready": ("ready", "ask whether a server's model answers"),
    "predict": ("predict", "classify X-rays with a running server"),
    "explain": ("explain", "show what a prediction rests on, in pictures"),
    "score": ("score", "score an archive of films into Parquet parts"),
    "bench": ("bench", "measure a running server under load"),
    "phantoms": ("phantoms", "generate X-ray-like images with lesion masks"),
    "data": ("data", "check a data directory before training on it"),
    "train": ("train", "train autoencoders and classifier into a run folder"),
    "import-weights": ("import_weights", "make a run folder from existing weight files"),
    "evaluate": ("evaluate", "score a run or an archive on labelled X-rays"),
    "calibrate": ("calibrate", "learn from validation films when to say: I do not know"),
    "certify": ("certify", "test which explanation methods deserve trust"),
    "export": ("export", "turn a run folder into artefacts: programs and TorchScript"),
    "compile": ("compile", "compile artefacts for this machine's processor"),
    "archive": ("archive", "pack artefacts into coronet.mar for TorchServe"),
}

# What a command needs beside the base installation, as it stands between brackets for pip.
EXTRAS = {
    "demo": "serve,train",
    "serve": "serve",
    "web": "web",
    "pacs": "pacs",
    "score": "score",
    "phantoms": "train",
    "data": "train",
    "train": "train",
    "import-weights": "train",
    "evaluate": "train",
    "calibrate": "train",
    "certify": "train",
    "export": "serve",
    "compile": "serve",
    "archive": "serve",
}


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser of `coronet`; only `command`'s own arguments are filled in, and only its module imported."""
    parser = argparse.ArgumentParser(
        prog="coronet",
        description="CoroNet Serve: explainable chest X-ray classification on TorchServe. "
        f"{RESEARCH_USE.capitalize()}.",
        epilog="'coronet COMMAND --help' describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"coronet {version('coronet-serve')}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        subparser.formatter_class = argparse.RawDescriptionHelpFormatter
        if name == command:
            module = importlib.import_module(f"cli.commands.{module_name}")
            subparser.description = inspect.getdoc(module)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Arguments of one command line (without the leading `coronet`); exits with status 2 when they are wrong.

    The namespace's `run` is the subcommand's function.
    """
    command = argv[0] if argv and argv[0] in COMMANDS else None
    return build_parser(command).parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the locale has no letters for is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        args = parse(words)
        return args.run(args)
    except CoroNetError as error:
        print(f"coronet: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        extra = "ray" if module == "ray" else EXTRAS.get(words[0])  # of an option, not of the command
        if not extra or not module or (ROOMS / module).is_dir():
            raise  # a defect, not an extra that was left out
        print(
            f"coronet: found no {module}, 'coronet {words[0]}' needs it: "
            f"in the project's folder, pip install '.[{extra}]'",
            file=sys.stderr,
        )
    except BrokenPipeError:  # the reader of our output went away: `coronet predict ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f"{shown(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        print(f"coronet: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("coronet: interrupted", file=sys.stderr)
        return 130
    return 1
