"""Show what a classification rests on: per image, method and class pictures and the figures.

Written to DIR, for image x.png and each method:

    x.METHOD.overlay.png   the X-ray with what matters coloured
    x.METHOD.heatmap.png   the map alone
    x.METHOD.residual.png  what both autoencoders could not draw
    x.METHOD.json          the server's answer: map values, probabilities, faithfulness, warnings
    x.montage.png          all of them in one figure

With several classes to explain, the names are x.METHOD.CLASS.overlay.png and so on. Files of an earlier run are
replaced. On the methods and their options see docs/explanations.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from cli.asking import Asking, add_asking_arguments, connect, summary
from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES
from model_src.time_limits import EXPLAIN_PATIENCE

DEFAULT_METHOD = "meaningful_perturbation"
ALL_CLASSES = "all"
# What --option may not set, and what to do instead.
_NO_OPTIONS = {
    "method": "use --method",
    "target": "use --target",
    "format": "the answers that this command saves are JSON with all pictures in it",
    **dict.fromkeys(("data", "body", "instances", "image", "name"), "images are given by their file names"),
}
_PICTURE = "_png"  # ending of the answer's fields that hold a picture in base64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `coronet explain`."""
    add_asking_arguments(parser, EXPLAIN_PATIENCE)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--method",
        default=DEFAULT_METHOD,
        metavar="M[,M...]",
        help="one or several methods, separated by commas (default: %(default)s)",
    )
    parser.add_argument(
        "--target",
        type=_targets,
        metavar="CLASS[,CLASS...]",
        help="explain this class, or several, separated by commas, or all (default: the predicted one)",
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


def run(args: argparse.Namespace) -> int:
    """Explain every image with every method, towards every class asked for."""
    from outputs.montage import write_montage

    client = connect(args)
    options = {"steps": args.steps, "seed": args.seed, **dict(args.option)}
    options = {name: value for name, value in options.items() if value is not None}
    asking = Asking()
    for path, name in zip(args.images, unique_names(args.images), strict=True):
        image = asking.read(path)
        if image is None:
            continue
        answers: list[dict[str, Any]] = []
        for method, target in product(_listed(args.method), args.target or [None]):
            wanted = options if target is None else {**options, "target": target}
            answer = asking.answer(path, partial(client.explain, image, path.name, method=method, **wanted))
            if answer is None:
                continue
            if not answers:
                print(f"{path}  {summary(answer)}")
                print(_row("method", "target", "P before", "P after", "deletion", "insertion"))
            print(figures(answer), flush=True)
            several = len(args.target or []) > 1
            save(answer, args.out, f"{name}.{method}" + (f".{_file_name(answer['target'])}" if several else ""))
            answers.append(answer)
        if answers:
            write_montage(f"{path.name}: {summary(answers[0])}", image, answers, args.out / f"{name}.montage.png")
            print(f"  saved as {args.out / name}.*", flush=True)
    return asking.finish()


def save(answer: dict[str, Any], directory: Path, stem: str) -> list[Path]:
    """Write an answer's pictures (every field "NAME_png") as STEM.NAME.png and the rest as STEM.json."""
    facts, contents = {}, {}
    for field, value in answer.items():
        if field.endswith(_PICTURE) and field.isidentifier():  # a field's name becomes a file's
            contents[f"{stem}.{field.removesuffix(_PICTURE)}.png"] = base64.b64decode(value)
        else:
            facts[field] = value
    contents[f"{stem}.json"] = (json.dumps(facts) + "\n").encode()
    for name, content in contents.items():
        with atomic_write(directory / name) as path:
            path.write_bytes(content)
    return [directory / name for name in contents]


def figures(answer: dict[str, Any]) -> str:
    """One explanation's row of the table."""
    probability, score = answer["target_probability"], answer["faithfulness"]
    numbers = (probability["original"], probability["perturbed"], score["deletion"], score["insertion"])
    return _row(answer["method"], answer["target"], *(f"{number:.3f}" for number in numbers))


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A file name stem for each image: its own, or with a digest of its path where several share it."""
    times = Counter(path.stem.lower() for path in paths)
    return [
        path.stem
        if times[path.stem.lower()] == 1
        else f"{path.name}-{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        for path in paths
    ]


def _row(method: str, target: str, *numbers: str) -> str:
    return f"  {method:<24} {target:<10}" + "".join(f" {number:>9}" for number in numbers)


def _listed(text: str) -> list[str]:
    """The words of "a, b,a", each once."""
    return list(dict.fromkeys(word.strip() for word in text.split(",")))


def _targets(text: str) -> list[str]:
    return list(CLASS_NAMES) if text.strip().lower() == ALL_CLASSES else _listed(text)


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
