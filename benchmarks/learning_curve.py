"""What the autoencoders are worth where COVID-19 films are few: CoroNet against a network straight on the film.

    coronet train DATA_DIR --recipe paper --out runs/paper     (and so on: runs with the autoencoders to compare)
    python -m benchmarks.learning_curve DATA_DIR --tfen paper=runs/paper --tfen tuned=runs/tuned \\
        --tfen released=runs/released --cache-dir cache --out curve.json --plot curve.png

Every row is one classifier: a way (see WAYS), a number of COVID-19 films drawn from the training films, and a draw.
Healthy and Pneumonia films are all there, always. All rows see as many films, in as many steps. Rows that are in --out
already are not trained again, so the command goes on where it was stopped. With --test, each row is also scored on the
test split; nothing is chosen by that. Two options make it bearable on a CPU, for all ways alike: --variants, so that
residuals are computed once, and --enlarged 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from benchmarks.ablation import fingerprint, load_autoencoders
from benchmarks.errors import errors_in_one_line
from benchmarks.learning_curve_plot import plot
from evaluation.intervals import clustered_rate, mean_of_rates
from model_src.atomic import atomic_write
from model_src.classes import CLASS_NAMES, COVID
from model_src.errors import RunError
from model_src.networks.efficient_cin import ENLARGED, EfficientCIN
from model_src.networks.kinds import CINS, TFENS, AnyCIN
from model_src.networks.tfen import TFEN
from train.data.classifier_inputs import ClassifierInputs, residual_inputs
from train.data.compiled_tfen import tfen_for_training
from train.data.data_dir import read_data_dir
from train.data.image_cache import ImageCache, open_cache
from train.data.split import read_training_data
from train.device import Compute, choose_compute
from train.rank import Rank
from train.recipe import CinRecipe, load_recipe
from train.runs.run_folder import RunFolder
from train.session import TrainingOptions, TrainingSession
from train.stages.baselines import XrayResNet
from train.stages.classifier import fit_classifier, predict
from train.stages.start_weights import start_weights

ALL_FILMS = 0  # what --films calls all of them
# Way -> recipe of its classifier, and the --tfen whose residuals it sees (None: the film itself).
WAYS: dict[str, tuple[str, str | None]] = {
    "CoroNet, recipe paper": ("paper", "paper"),
    "CoroNet, recipe tuned": ("tuned", "tuned"),
    "CoroNet, released autoencoders": ("tuned", "released"),
    "The film itself": ("tuned", None),
}


@dataclass
class Data:
    """Decoded films of each part; `test` is None unless it was asked for."""

    train: ImageCache
    validation: ImageCache
    test: ImageCache | None


@errors_in_one_line()
def main() -> None:
    """Train row after row; write the table after each, and the plot in the end."""
    args = _parser().parse_args()
    compute = choose_compute(args.device, args.precision)
    data = _open(args)
    tfens = {
        name: load_autoencoders(Path(folder), compute) for name, _, folder in (t.partition("=") for t in args.tfen)
    }
    table: list[dict[str, Any]] = json.loads(args.out.read_text())["rows"] if args.out.exists() else []
    finished = {(row["model"], row["films"], row["draw"]) for row in table}
    covid = sum(example.label == COVID for example in data.train.examples)
    for films in sorted({min(wanted or covid, covid) for wanted in args.films}):
        for draw in range(args.draws):
            for way in args.ways:
                recipe, source = WAYS[way]
                if (way, films, draw) in finished or (source is not None and source not in tfens):
                    continue
                begun = time.perf_counter()
                settings = _settings(recipe, args)
                loaded = tfens.get(source or "")
                tfen = loaded and TFENS[settings.third_map](loaded.healthy, loaded.pneumonia).eval()
                found = train_row(settings, data, tfen, compute, films, draw, args.cache_dir, args.enlarged)
                minutes = (time.perf_counter() - begun) / 60
                table.append({"model": way, "films": films, "draw": draw, **found, "minutes": round(minutes, 1)})
                shown = found["validation"]
                print(
                    f"{way:32} {films:5} COVID-19 films, draw {draw}: balanced accuracy "
                    f"{shown['balanced_accuracy']['value']:.3f}, {minutes:.1f} min",
                    flush=True,
                )
                with atomic_write(args.out) as path:
                    path.write_text(json.dumps({"command": _command(args), "rows": table}, indent=1))
    if args.plot:
        plot(table, args.plot)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, nargs="+")
    parser.add_argument("--roots", type=Path, nargs="*", default=[], help="where the label files' paths are looked up")
    parser.add_argument("--tfen", action="append", default=[], metavar="NAME=RUN_DIR", help="paper, tuned or released")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), metavar="WAY", help="of WAYS")
    parser.add_argument("--films", type=int, nargs="+", default=[25, 89, 300, 1000, ALL_FILMS], help="0: all of them")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--image-size", type=int, default=load_recipe("tuned").image_size)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--films-per-epoch", type=int, default=6000)
    parser.add_argument("--variants", type=int, help="of each film (the recipe's); up to --epochs of them are kept")
    parser.add_argument("--enlarged", type=float, default=ENLARGED, help="how large an EfficientNet looks at its maps")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    parser.add_argument("--test", action="store_true", help="score the test split too")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    return parser


def _open(args: argparse.Namespace) -> Data:
    split = read_training_data(args.data_dir, args.roots, fraction=load_recipe("tuned").validation_fraction, seed=0)
    test = read_data_dir(args.data_dir, "test", args.roots) if args.test else None
    train, validation = (open_cache(part, args.image_size, args.cache_dir) for part in (split.train, split.validation))
    return Data(train, validation, open_cache(test, args.image_size, args.cache_dir) if test else None)


def _settings(recipe: str, args: argparse.Namespace) -> CinRecipe:
    """The recipe's, with the budget that all ways share."""
    settings = load_recipe(recipe).cin
    if settings.mixup:
        raise RunError(f"recipe {recipe}: found mixup, which would mix in films that were not drawn; need 0")
    sampling = "class" if settings.sampling == "none" else settings.sampling
    weights = "none" if settings.sampling == "none" else settings.class_weights  # the draw weighs classes alike
    changed = {"epochs": args.epochs, "films_per_epoch": args.films_per_epoch, "sampling": sampling}
    changed |= {"variants": args.variants} if args.variants else {}
    return settings.model_copy(update={**changed, "class_weights": weights})


@dataclass
class Drawn(ClassifierInputs):
    """Some of another's films, under their own numbers; residuals are the other's, and computed once for all draws."""

    whole: ClassifierInputs | None = None
    numbers: np.ndarray | None = None  # in `whole`, of each film here

    def load(self, indices: np.ndarray, variants: np.ndarray) -> Tensor:
        """As ClassifierInputs.load."""
        if self.whole is None or self.numbers is None:
            raise TypeError("films drawn of nothing")
        return self.whole.load(self.numbers[indices], variants)


def drawn(whole: ClassifierInputs, films: int, draw: int) -> Drawn:
    """All Healthy and Pneumonia films, and `films` of the COVID-19 films, other ones in each draw."""
    covid = np.flatnonzero(whole.labels == COVID)
    chosen = np.random.default_rng((draw, films)).permutation(covid)[:films]
    numbers = np.sort(np.concatenate([np.flatnonzero(whole.labels != COVID), chosen]))
    images = replace(
        whole.images, examples=[whole.images.examples[number] for number in numbers], rows=whole.images.rows[numbers]
    )
    return Drawn(images, whole.augmentation, whole.seed, whole.compute, tfen=whole.tfen, whole=whole, numbers=numbers)


def train_row(
    settings: CinRecipe,
    data: Data,
    tfen: TFEN | None,
    compute: Compute,
    films: int,
    draw: int,
    cache_dir: Path,
    enlarged: float,
) -> dict[str, Any]:
    """Train one classifier; returns its figures on validation (and test) films."""
    served = replace(compute, bfloat16=False)
    train = drawn(_inputs(settings, data.train, tfen, compute, settings.variants, cache_dir), films, draw)
    validation = _inputs(settings, data.validation, tfen, served, 1, cache_dir)
    in_third = tfen is not None and settings.third_map == "film"
    network = fitted_network(settings, train, validation, draw, enlarged, film_in_third=in_third)
    found = {"validation": figures(network, validation, served)}
    if data.test is not None:
        found["test"] = figures(network, _inputs(settings, data.test, tfen, served, 1, cache_dir), served)
    return found


def fitted_network(
    settings: CinRecipe,
    train: ClassifierInputs,
    validation: ClassifierInputs,
    seed: int,
    enlarged: float,
    *,
    film_in_third: bool,
) -> AnyCIN | XrayResNet:
    """A trained classifier: of residuals if the inputs have a TFEN, else of films; the same network for both."""
    torch.manual_seed(seed)
    network = XrayResNet(settings.network) if train.tfen is None else CINS[settings.network]()
    backbone = network.network if isinstance(network, XrayResNet) else network
    if isinstance(backbone, EfficientCIN):
        backbone.enlarged = enlarged
    start_weights(backbone, settings.network, settings.init, film_in_third=film_in_third)
    if settings.normalise:
        mean, deviation = train.moments(0)
        prefix = "input" if train.tfen is None else "residual"
        setattr(network, f"{prefix}_mean", mean)
        setattr(network, f"{prefix}_std", deviation)
    prepared = train.compute.prepare(network)
    with tempfile.TemporaryDirectory() as temporary:
        run = RunFolder(Path(temporary))
        recipe = load_recipe("tuned").model_copy(update={"cin": settings})
        options = TrainingOptions(Path(temporary), run.path, seed=seed, console=Console(quiet=True))
        session = TrainingSession(recipe, options, run, train.compute, Rank(), train.images, validation.images)
        fit_classifier("cin", settings, prepared, train, validation, session)
        prepared.load_state_dict(run.load_weights("cin"))
    return prepared


def _inputs(
    settings: CinRecipe, images: ImageCache, tfen: TFEN | None, compute: Compute, variants: int, cache_dir: Path
) -> ClassifierInputs:
    augmentation = settings.augmentation if variants > 1 else "none"
    if tfen is None:
        return ClassifierInputs(images, augmentation, 0, compute)
    films = hashlib.sha256(repr([str(example.path) for example in images.examples]).encode()).hexdigest()[:8]
    name = f"{films}-{images.image_size}-{augmentation}-{variants}-{fingerprint(tfen, images)}"
    kept = compute.device.type != "cuda" and variants <= settings.epochs
    return residual_inputs(
        images,
        augmentation,
        variants,
        0,
        compute,
        tfen_for_training(tfen, images.image_size, compute),
        cache_dir / "residuals" / name if kept else None,
    )


def figures(network: nn.Module, inputs: ClassifierInputs, compute: Compute) -> dict[str, Any]:
    """Sensitivity of each class, balanced accuracy, and COVID-19 by source: estimates with their counts."""
    called = predict(network.eval(), inputs, compute).argmax(1).numpy()
    truth = inputs.labels
    sources = np.array([example.facts.source for example in inputs.images.examples])
    patients = [example.patient for example in inputs.images.examples]
    by_class = [clustered_rate(called == truth, patients, among=truth == label) for label in range(len(CLASS_NAMES))]
    return {
        "sensitivity": {name: found.as_json() for name, found in zip(CLASS_NAMES, by_class, strict=True)},
        "covid_sensitivity": by_class[COVID].as_json(),
        "balanced_accuracy": mean_of_rates(by_class, len(truth)).as_json(),
        "covid_by_source": {
            source: clustered_rate(called == truth, patients, among=(truth == COVID) & (sources == source)).as_json()
            for source in sorted(set(sources[truth == COVID]))
        },
    }


def _command(args: argparse.Namespace) -> str:
    """What was asked for, without this machine's folders."""
    tfens = " ".join(f"--tfen {text.partition('=')[0]}=RUN_DIR" for text in args.tfen)
    films = " ".join(map(str, args.films))
    test = " --test" if args.test else ""
    variants = f" --variants {args.variants}" if args.variants else ""
    return (
        f"python -m benchmarks.learning_curve DATA_DIR {tfens} --films {films} --draws {args.draws} --image-size "
        f"{args.image_size} --epochs {args.epochs} --films-per-epoch {args.films_per_epoch}{variants} "
        f"--enlarged {args.enlarged:g} --precision {args.precision}{test}"
    )


if __name__ == "__main__":
    main()
