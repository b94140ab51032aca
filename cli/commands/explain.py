"""Show what a classification rests on: per image, method and class pictures and the figures.

Written to DIR, for image x.png and each method:

    x.METHOD.overlay.png   the X-ray with what matters coloured
    x.METHOD.heatmap.png   the map alone
    x.METHOD.residual.png  what both autoencoders could not draw
    x.METHOD.json          the server's response: map values, probabilities, faithfulness, warnings
    x.montage.png          all of them in one figure

With several classes to explain, the names are x.METHOD.CLASS.overlay.png and so on. Files of an earlier run are
replaced. On the methods see docs/background/explanations.md.

With --format dicom, of a DICOM file x.dcm instead, all in the file's own study (docs/reference/dicom-objects.md):

    x.METHOD.report.dcm    a structured report
    x.METHOD.map.dcm       the map as numbers
    x.METHOD.picture.dcm   the map over the X-ray
    x.METHOD.outline.dcm   the outline of what matters, for viewers to draw
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from cli.explanation_methods import DEFAULT_METHOD, METHODS
from cli.file_names import output_stems, shortened, shown
from cli.image_batch import ImageBatch, expand, summary
from cli.options import add_connection_arguments, add_image_arguments, connect
from cli.saved_explanations import require_folder, save, save_objects, write_figure
from client.answer_words import answer_in_words
from client.http import CoroNetClient
from model_src.classes import CLASS_NAMES, class_index
from model_src.errors import InvalidRequest, NotAcceptable, RequestError
from model_src.time_limits import EXPLAIN_PATIENCE

ALL = "all"
FORMATS = PICTURES, DICOM = ("pictures", "dicom")
# What --option may not set, and what to do instead.
_NO_OPTIONS = {
    "method": "use --method",
    "target": "use --target",
    "format": "use --format",
    **dict.fromkeys(("data", "body", "instances", "image", "name"), "images are given by their file names"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet explain`."""
    add_image_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--method",
        type=_methods,
        default=[DEFAULT_METHOD],
        metavar="M[,M...]",
        help=f"one or several methods, separated by commas, or all (default: {DEFAULT_METHOD})",
    )
    parser.add_argument(
        "--target",
        type=_targets,
        metavar="CLASS[,CLASS...]",
        help="explain this class, or several, separated by commas, or all (default: the predicted one)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="pictures and figures, or DICOM objects for the study of a DICOM file (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, help="optimisation or integration steps (default: the method's)")
    parser.add_argument("--seed", type=int, help="for methods with random parts (default: 0)")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="any further field of the request, sent for every method; may be repeated",
    )
    add_connection_arguments(parser, EXPLAIN_PATIENCE)


def run(args: argparse.Namespace) -> int:
    """Explain every image with every method, towards every class asked for."""
    require_folder(args.out)
    client = connect(args)
    images = expand(args.images, args.recursive)
    options = {"steps": args.steps, "seed": args.seed, **dict(args.option)}
    options = {name: value for name, value in options.items() if value is not None}
    wishes = _Wishes(list(product(args.method, args.target or [None])))
    batch = ImageBatch()
    for path, stem in zip(images, output_stems(images), strict=True):
        if not wishes.left():
            break
        image = batch.read(path)
        if image is None:
            continue
        if args.format == DICOM:
            _explain_in_dicom(args, client, batch, path, image, stem, wishes, options)
            continue
        explained: list[dict[str, Any]] = []
        left = wishes.left()
        for number, (method, target) in enumerate(left, 1):
            wanted = options if target is None else {**options, "target": target}
            with _shown_while(f"  {method} ({number} of {len(left)}) ..."):
                response = batch.ask(path, partial(client.explain, image, path.name, method=method, **wanted))
            if isinstance(response, RequestError):
                wishes.refused((method, target), response)
                continue
            if not explained:
                print(f"{shown(path)}  {summary(response)}")
                if words := answer_in_words(response):
                    print("  " + " ".join(words))
                print(_row("method", "target", "P before", "P after", "deletion", "insertion"))
            print(figures(response), flush=True)
            save(response, args.out, _stem(args, stem, method, response["target"]))
            explained.append(response)
        if explained:
            title = f"{shortened(path.name)}: {summary(explained[0])}"
            answer = " ".join(answer_in_words(explained[0]))
            write_figure(title, answer, image, explained, args.out, f"{stem}.montage.png")
            print(f"  saved as {shown(args.out / stem)}.*", flush=True)
    return batch.finish()


def _explain_in_dicom(
    args: argparse.Namespace,
    client: CoroNetClient,
    batch: ImageBatch,
    path: Path,
    film: bytes,
    stem: str,
    wishes: _Wishes,
    options: Mapping[str, Any],
) -> None:
    """One film's objects by every method, towards every class."""
    left = wishes.left()
    for number, (method, target) in enumerate(left, 1):
        wanted = options if target is None else {**options, "target": target}
        with _shown_while(f"  {method} ({number} of {len(left)}) ..."):
            objects = batch.ask(path, partial(client.explain_dicom, film, method=method, **wanted))
        if isinstance(objects, NotAcceptable):
            return  # whatever the method
        if isinstance(objects, RequestError):
            wishes.refused((method, target), objects)
            continue
        name = _stem(args, stem, method, CLASS_NAMES[class_index(target)] if target else "")
        save_objects(objects, args.out, name)
        print(f"{shown(path)}  {method}: {', '.join(objects)}, saved as {shown(args.out / name)}.*.dcm", flush=True)


def _stem(args: argparse.Namespace, stem: str, method: str, target: str) -> str:
    """The beginning of the names of one explanation's files; the class is in it where several are asked for."""
    return f"{stem}.{method}" + (f".{_file_name(target)}" if len(args.target or []) > 1 else "")


class _Wishes:
    """Which methods and classes are asked for, and which of them are no longer: the server refused them by themselves.

    One refusal may be about the image. When a second image gets the very same words, it is about the options, and
    fifty more would get them too.
    """

    def __init__(self, wishes: list[tuple[str, str | None]]) -> None:
        self._wishes = wishes
        self._words: dict[tuple[str, str | None], str] = {}

    def left(self) -> list[tuple[str, str | None]]:
        """Those that are still asked for: (method, target or None for the predicted class)."""
        return list(self._wishes)

    def refused(self, wish: tuple[str, str | None], error: RequestError) -> None:
        """Remember why one was refused."""
        if not isinstance(error, InvalidRequest):
            return
        if self._words.get(wish) == str(error):
            self._wishes.remove(wish)
            print(f"coronet: {wish[0]}: refused twice for the same reason, not asked for again", file=sys.stderr)
        self._words[wish] = str(error)


@contextmanager
def _shown_while(text: str) -> Iterator[None]:
    """On a terminal, a line that says what is being worked on, until it is done."""
    if not sys.stderr.isatty():
        yield
        return
    print(text, end="\r", flush=True, file=sys.stderr)
    try:
        yield
    finally:
        print(" " * len(text), end="\r", flush=True, file=sys.stderr)


def figures(response: dict[str, Any]) -> str:
    """One explanation's row of the table."""
    probability, score = response["target_probability"], response["faithfulness"]
    numbers = (probability["original"], probability["perturbed"], score["deletion"], score["insertion"])
    return _row(response["method"], response["target"], *(f"{number:.3f}" for number in numbers))


def _row(method: str, target: str, *numbers: str) -> str:
    return f"  {method:<24} {target:<10}" + "".join(f" {number:>9}" for number in numbers)


def _listed(text: str) -> list[str]:
    """The words of "a, b,a", each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def _methods(text: str) -> list[str]:
    if text.strip().lower() == ALL:
        return list(METHODS)
    methods = _listed(text)
    if unknown := [method for method in methods if method not in METHODS]:
        raise argparse.ArgumentTypeError(f"found {unknown[0]!r}, need {', '.join(METHODS)} or {ALL}")
    return methods


def _targets(text: str) -> list[str]:
    return list(CLASS_NAMES) if text.strip().lower() == ALL else _listed(text)


def _file_name(target: str) -> str:
    """A class's name, fit for a part of a file's, whatever a server sends."""
    return re.sub(r"[^\w-]", "_", target)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"found {text!r}, need NAME=VALUE")
    if name in _NO_OPTIONS:
        raise argparse.ArgumentTypeError(f"found {text!r}, need another field than {name}: {_NO_OPTIONS[name]}")
    return name, value
