"""What else a TFEN could show the classifier: other autoencoders, other residuals, other sizes; each on validation.

    python -m benchmarks.residual_ideas DATA_DIR --tfen tuned=RUN_DIR --tfen paper=RUN_DIR --cache-dir cache \\
        --out ideas.json

Every row is one classifier of the recipe `tuned`, shown as many films as all others. Besides validation it is asked
about films of hospitals that training never saw (`other/` in DATA_DIR, the half for development): none of them is
COVID-19, so who calls them that has learnt hospitals. Rows in --out are not trained again; --deadline ends in time.
--enlarged 1 makes it bearable on a CPU.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from torch import nn

from benchmarks.ablation import load_autoencoders
from benchmarks.errors import errors_in_one_line
from benchmarks.learning_curve import figures, fitted_network
from benchmarks.outside_lists import outside_lists
from benchmarks.residual_maps import (
    BottleneckFPAE,
    Enlarged,
    Shown,
    autoencoders,
    several_scales,
    smoothed,
    standardised,
    with_holes,
    with_noise,
    with_sign,
)
from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES, COVID, HEALTHY, PNEUMONIA
from model_src.networks.efficient_cin import ENLARGED
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN, FilmTFEN
from train.data.classifier_inputs import ClassifierInputs, ResidualCache
from train.data.compiled_tfen import CompiledTFEN
from train.data.examples import Example
from train.data.image_cache import ImageCache, open_cache
from train.data.split import read_training_data
from train.device import choose_compute
from train.recipe import CinRecipe, load_recipe
from train.stages.classifier import predict


@errors_in_one_line()
def main() -> None:
    """Train row after row; write the table after each."""
    args = _parser().parse_args()
    begun = time.monotonic()
    compute = choose_compute(args.device, args.precision)
    split = read_training_data(args.data_dir, [], fraction=load_recipe("tuned").validation_fraction, seed=0)
    rows: list[dict[str, Any]] = json.loads(args.out.read_text()) if args.out.exists() else []
    budget = {"epochs": args.epochs, "films_per_epoch": args.films_per_epoch}
    base = load_recipe("tuned").cin.model_copy(update=budget)
    opened: dict[int, tuple[ClassifierInputs, ClassifierInputs, ImageCache]] = {}

    def data(size: int) -> tuple[ClassifierInputs, ClassifierInputs, ImageCache]:
        if size not in opened:
            caches = [open_cache(part, size, args.cache_dir) for part in (split.train, split.validation)]
            served = replace(compute, bfloat16=False)
            inputs = ClassifierInputs(caches[0], base.augmentation, 0, compute)
            opened[size] = (
                inputs, ClassifierInputs(caches[1], "none", 0, served),
                open_cache(_outside(args.data_dir), size, args.cache_dir),
            )  # fmt: skip
        return opened[size]

    def tfen(name: str) -> TFEN:
        folders = dict(text.split("=", 1) for text in args.tfen)
        return load_autoencoders(Path(folders[name]), compute)

    @cache
    def bottleneck() -> TFEN:
        films = data(args.image_size)[0]
        return autoencoders(BottleneckFPAE, lambda own: own, films, 2 * args.autoencoder_epochs)

    ideas: dict[str, Callable[[], dict[str, Any]]] = {
        "film": dict,
        "residuals, recipe tuned": lambda: {"tfen": tfen("tuned")},
        "film beside residuals": lambda: {"tfen": FilmTFEN(tfen("tuned").healthy, tfen("tuned").pneumonia).eval()},
        "film, a ResNet-18 from random weights": lambda: {"settings": {"network": "resnet18", "init": "random"}},
        "residuals with sign": lambda: {"tfen": Shown(tfen("tuned"), with_sign)},
        "residuals standardised by place": lambda: {
            "tfen": Shown(tfen("tuned"), standardised(tfen("tuned"), data(args.image_size)[0]))
        },
        "residuals smoothed over 9 pixels": lambda: {"tfen": Shown(tfen("tuned"), smoothed(9))},
        "residuals at several scales": lambda: {"tfen": Shown(tfen("tuned"), several_scales)},
        "autoencoders that paint over holes": lambda: {
            "tfen": autoencoders(FPAE, with_holes, data(args.image_size)[0], args.autoencoder_epochs)
        },
        "autoencoders that take noise away": lambda: {
            "tfen": autoencoders(FPAE, with_noise, data(args.image_size)[0], args.autoencoder_epochs)
        },
        "autoencoders with a bottleneck": lambda: {"tfen": bottleneck()},
        "bottleneck, with sign": lambda: {"tfen": Shown(bottleneck(), with_sign)},
        "film, 96 pixels": lambda: {"size": 96},
        "film, 96 pixels enlarged to 192": lambda: {"size": 96, "tfen": Enlarged(2)},
        "film, films drawn alike": lambda: {"settings": {"sampling": "class"}},
        "film, affine alone": lambda: {"settings": {"augmentation": "affine"}},
        "film, half of the pictures mixed": lambda: {"settings": {"mixup": 0.5}},
        "residuals, recipe paper": lambda: {"tfen": tfen("paper")},
    }  # fmt: skip
    done = {row["name"] for row in rows}
    for name, idea in ideas.items():
        if name in done or (args.rows and name not in args.rows):
            continue
        if args.deadline and time.monotonic() - begun > args.deadline:
            break
        started = time.perf_counter()
        try:
            made = idea()
        except KeyError as missing:
            print(f"{name}: left out, needs --tfen {missing.args[0]}=RUN_DIR", flush=True)
            continue
        found = train_row(
            base.model_copy(update=made.pop("settings", {})),
            *data(made.pop("size", args.image_size)),
            args.enlarged,
            **made,
        )
        rows.append({"name": name, **found, "seconds": round(time.perf_counter() - started, 1)})
        print(f"{name:36} {shortly(found)}  {rows[-1]['seconds']} s", flush=True)
        with atomic_write(args.out) as path:
            path.write_text(json.dumps(rows, indent=1))


def train_row(
    settings: CinRecipe,
    train: ClassifierInputs,
    validation: ClassifierInputs,
    outside: ImageCache,
    enlarged: float,
    tfen: nn.Module | None = None,
) -> dict[str, Any]:
    """Train one classifier; its figures on validation films, and what it says of films outside the classes."""
    with tempfile.TemporaryDirectory(prefix="coronet-benchmark-") as name:
        kept = None  # validation films are asked after every epoch
        if tfen is not None and not isinstance(tfen, Enlarged):  # maps of the films' size
            kept = ResidualCache(Path(name), len(validation.images), 1, validation.images.image_size)
        return _figures(settings, train, replace(validation, cache=kept), outside, enlarged, tfen)


def _figures(
    settings: CinRecipe,
    train: ClassifierInputs,
    validation: ClassifierInputs,
    outside: ImageCache,
    enlarged: float,
    tfen: nn.Module | None,
) -> dict[str, Any]:
    shown = [tfen and _compiled(tfen, part) for part in (train, validation)]
    own = [
        replace(part, tfen=maps, augmentation=augmentation, mixup=mixup)
        for part, maps, augmentation, mixup in (
            (train, shown[0], settings.augmentation, settings.mixup), (validation, shown[1], "none", 0.0),
        )
    ]  # fmt: skip
    for part, source in zip(own, (train, validation), strict=True):
        part.films = source.films  # one copy on a GPU
    network = fitted_network(settings, own[0], own[1], 0, enlarged, film_in_third=isinstance(tfen, FilmTFEN))
    served = own[1].compute
    probabilities = predict(network.eval(), own[1], served).numpy()
    elsewhere = predict(network, ClassifierInputs(outside, "none", 0, served, tfen=shown[1]), served).numpy()
    labels, sources = own[1].labels, np.array([example.facts.source for example in own[1].images.examples])
    of = np.array([example.facts.source for example in outside.examples])
    rsna = sources == "rsna"
    tuberculosis = elsewhere[of == "tuberculosis", COVID]
    covid = probabilities[labels == COVID, COVID]
    return {
        "validation": figures(network, own[1], served),
        "rsna_opacity_area": float(roc_auc_score(labels[rsna] == PNEUMONIA, probabilities[rsna, PNEUMONIA])),
        "covid_against_tuberculosis_area": float(
            roc_auc_score(np.repeat([1, 0], [len(covid), len(tuberculosis)]), np.concatenate([covid, tuberculosis]))
        ),
        "outside": {
            str(source): np.bincount(elsewhere[of == source].argmax(1), minlength=len(CLASS_NAMES)).tolist()
            for source in sorted(set(of))
        },
    }


def _compiled(tfen: nn.Module, part: ClassifierInputs) -> nn.Module:
    """On a CPU, the same in OpenVINO."""
    compute = part.compute
    if compute.device.type != "cpu":
        return tfen
    return CompiledTFEN(tfen, part.images.image_size, bfloat16=compute.bfloat16)


def shortly(found: dict[str, Any]) -> str:
    """A row for the terminal."""
    seen = found["validation"]
    by_class = "/".join(f"{100 * value['value']:.1f}" for value in seen["sensitivity"].values())
    return (
        f"balanced {100 * seen['balanced_accuracy']['value']:.1f} ({by_class}), RSNA {found['rsna_opacity_area']:.3f}, "
        f"COVID-19 v. TB {found['covid_against_tuberculosis_area']:.3f}, outside {found['outside']}"
    )


def _outside(data_dir: Path) -> list[Example]:
    """Films outside the classes, the half for development; their label means nothing."""
    with (data_dir / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        lists = outside_lists(csv.DictReader(stream), "development")
    return [Example(data_dir / path, HEALTHY, path, source) for source, paths in lists.items() for path in paths]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--tfen", action="append", default=[], metavar="NAME=RUN_DIR", help="tuned, paper")
    parser.add_argument("--image-size", type=int, default=load_recipe("tuned").image_size)
    parser.add_argument("--epochs", type=int, default=load_recipe("tuned").cin.epochs)
    parser.add_argument("--films-per-epoch", type=int, default=load_recipe("tuned").cin.films_per_epoch)
    parser.add_argument("--autoencoder-epochs", type=int, default=3, help="of other autoencoders; bottlenecks twice")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    parser.add_argument("--enlarged", type=float, default=ENLARGED, help="how large an EfficientNet looks at its maps")
    parser.add_argument("--rows", nargs="+", default=[], help="names of the rows to train (default: all)")
    parser.add_argument("--deadline", type=float, default=0.0, help="seconds after which no row is begun; 0 = none")
    parser.add_argument("--out", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
