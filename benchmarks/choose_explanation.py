"""Which options of meaningful perturbation point where radiologists point, on training films with boxes.

    python -m benchmarks.choose_explanation MODEL DATA_DIR... --boxes FILE --lungs DIR --films 60 --out choice.json
    python -m benchmarks.choose_explanation ... --variants "perturbation=mirror,tv=1" "perturbation=mirror,steps=40"

A row for the default options, one for each variant, Grad-CAM, saliency, and the maps that know nothing of the film.
Films are of the training split and told rightly; the test split is never opened. Without --variants, the variants of
GRID. Deletion should be small, insertion large; the share inside the lungs is of films with lung masks.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.errors import errors_in_one_line
from evaluation.classifiers import load_classifier
from evaluation.intervals import clustered_rate
from evaluation.maps.figures import mean_of
from evaluation.maps.film_network import explainable
from evaluation.maps.films import Chosen, explain_films, find_told_rightly
from evaluation.maps.localisation import localise, share_inside
from evaluation.maps.marks import Marks, find_masks, read_boxes
from evaluation.maps.references import box_prior, centre_map, random_map
from evaluation.maps.study import BOX_PRIOR, CENTRE, RANDOM
from evaluation.wording import interval, number
from explanations import ExplainOptions, parse_options
from model_src.networks.coronet import CoroNet
from model_src.numerics import set_repeatable_float32
from train.data.data_dir import folder_of, read_data_dir

# One change at a time against the defaults; what helps is then put together with --variants.
GRID: tuple[dict[str, str], ...] = (
    {},
    {"perturbation": "blur"},
    {"perturbation": "mirror"},
    {"perturbation": "healthy"},
    {"perturbation": "fade"},
    {"perturbation": "blur", "blur_sigma": "25"},
    {"objective": "preservation"},
    {"init": "uniform"},
    {"steps": "40"},
    {"area": "0.03"},
    {"area": "0.3"},
    {"tv": "0.1"},
    {"tv": "2"},
    {"smoothing": "0"},
    {"smoothing": "4"},
    {"layers": "weigh"},
    {"perturbation": "mirror", "smoothing": "3", "layers": "weigh"},
    {"perturbation": "mirror", "objective": "preservation", "smoothing": "3", "layers": "weigh"},
)
OTHERS = ("grad_cam", "saliency")


@dataclass(frozen=True)
class Row:
    """What one variant came to: estimates and means."""

    name: str
    hit: float
    cells: tuple[str, ...]
    figures: dict[str, Any]


@errors_in_one_line()
def main() -> None:
    """Scan and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("data_dirs", type=Path, nargs="+", metavar="DATA_DIR")
    parser.add_argument("--boxes", type=Path, required=True)
    parser.add_argument("--lungs", type=Path)
    parser.add_argument("--films", type=int, default=40, help="with boxes, and half as many with lung masks (40)")
    parser.add_argument("--variants", nargs="+", metavar="NAME=VALUE,...", help="in place of the grid")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, help="JSON of all rows")
    args = parser.parse_args()
    rows = scan(args)
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def scan(args: argparse.Namespace) -> dict[str, object]:
    """Every row, printed as it is done; JSON-ready. Raises CoroNetError."""
    variants = GRID if args.variants is None else tuple(map(variant, args.variants))
    asked = [("meaningful_perturbation", options) for options in variants] + [(method, {}) for method in OTHERS]
    options = [parse_options({"method": method, "seed": args.seed, **given}) for method, given in asked]
    set_repeatable_float32()
    classifier = load_classifier(args.model, torch.device(args.device))
    network = explainable(classifier.model)
    roots = [folder_of(path) for path in args.data_dirs]
    examples = read_data_dir(args.data_dirs, "train")
    boxes = read_boxes(args.boxes, roots)
    boxed = find_told_rightly(classifier, examples, roots, Marks("boxes", boxes), args.films, args.seed)
    lunged = Chosen("lung masks", 0, 0, [])
    if args.lungs:
        masks = Marks("lung masks", find_masks(args.lungs, [example.path for example in examples], roots))
        lunged = find_told_rightly(classifier, examples, roots, masks, max(1, args.films // 2), args.seed)
    measured = {film.file.resolve() for film in boxed.films}
    others = [path for example in examples if (path := example.path.resolve()) not in measured]
    console = Console()
    console.print(
        f"{len(boxed.films)} training films with boxes, {len(lunged.films)} with lung masks, all told rightly by "
        f"{args.model.name}"
    )
    prior = box_prior(boxes, others, args.seed)
    known = {} if prior is None else {BOX_PRIOR: lambda film: prior}
    known |= {CENTRE: lambda film: centre_map(), RANDOM: lambda film: random_map(film.name, args.seed)}
    rows = [
        _measured(name, [draw(f) for f in boxed.films], boxed, [draw(f) for f in lunged.films], lunged, args.seed)
        for name, draw in known.items()
    ]
    for row in rows:
        console.print(*row.cells, sep="  ", highlight=False)
    for (method, given), found in zip(asked, options, strict=True):
        name = ", ".join(f"{key}={value}" for key, value in given.items()) or (
            "defaults" if method == "meaningful_perturbation" else method
        )
        rows.append(_explained(name, network, found, boxed, lunged, args.seed))
        console.print(*rows[-1].cells, sep="  ", highlight=False)
    table = Table(title="Best first", title_justify="left")
    for heading in ("", "hits", "overlap", "PR area", "in lungs", "deletion", "insertion", "seconds"):
        table.add_column(heading)
    for row in sorted(rows, key=lambda row: -row.hit):
        table.add_row(*row.cells)
    console.print(table)
    return {"films": len(boxed.films), "lung_films": len(lunged.films), "rows": [row.figures for row in rows]}


def variant(text: str) -> Mapping[str, str]:
    """ "tv=1,steps=40" as options; "" is the defaults."""
    return dict(part.partition("=")[::2] for part in text.split(",") if part)


def _explained(name: str, network: CoroNet, options: ExplainOptions, boxed: Chosen, lunged: Chosen, seed: int) -> Row:
    started = time.perf_counter()
    found = explain_films(network, boxed.films, options, name)
    seconds = (time.perf_counter() - started) / len(found)
    inside = [one.heatmap for one in explain_films(network, lunged.films, options, name)]
    scores = [float(np.mean([getattr(one, score) for one in found])) for score in ("deletion", "insertion")]
    return _measured(name, [one.heatmap for one in found], boxed, inside, lunged, seed, scores, seconds)


def _measured(
    name: str,
    on_boxed: Sequence[np.ndarray],
    boxed: Chosen,
    on_lunged: Sequence[np.ndarray],
    lunged: Chosen,
    seed: int,
    scores: Sequence[float] = (),
    seconds: float | None = None,
) -> Row:
    found = [localise(heatmap, film.region) for heatmap, film in zip(on_boxed, boxed.films, strict=True)]
    shares = [share_inside(heatmap, film.region) for heatmap, film in zip(on_lunged, lunged.films, strict=True)]
    patients, of = [film.patient for film in boxed.films], [film.patient for film in lunged.films]
    estimates = {
        "hit": clustered_rate(np.array([one.hit for one in found], bool), patients, "no film"),
        "overlap": mean_of([one.overlap for one in found], patients, seed=seed),
        "precision_recall": mean_of([one.precision_recall for one in found], patients, seed=seed),
        "inside": mean_of([math.nan if share is None else share for share in shares], of, seed=seed),
    }
    units = {"hit": "percent", "inside": "percent"}
    cells = [
        f"{number(e, units.get(key, 'share'))} ({interval(e, units.get(key, 'share'))})"  # type: ignore[arg-type]
        for key, e in estimates.items()
    ]
    cells += [f"{score:.3f}" for score in scores] or ["", ""]
    cells.append("" if seconds is None else f"{seconds:.2f}")
    figures: dict[str, Any] = {key: estimate.as_json() for key, estimate in estimates.items()}
    figures |= {"name": name, "seconds": seconds} | dict(zip(("deletion", "insertion"), scores, strict=False))
    return Row(name, estimates["hit"].value or 0.0, (name, *cells), figures)


if __name__ == "__main__":
    main()
