"""What each idea in the classifier's training is worth on validation data, one change at a time.

    python -m benchmarks.ablation DATA_DIR --tfen RUN_DIR --image-size 128 --epochs 15 --out ablation.json

Every row trains a classifier from scratch on the same split and the residuals of the same autoencoders. The rows of
STEPS add one change each to the row before; the rows of ALONE make one change each to the last of them before mixing.
--image-size compares sizes, run by run. The test split is never opened.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.errors import errors_in_one_line
from model_src.networks.cin import CIN
from model_src.networks.fpae import FPAE
from model_src.networks.tfen import TFEN
from train.data.classifier_inputs import ClassifierInputs, residual_inputs
from train.data.image_cache import ImageCache, open_cache
from train.data.split import read_training_data
from train.device import Compute, choose_compute
from train.rank import Rank
from train.recipe import CinRecipe, load_recipe
from train.runs.run_folder import AUTOENCODERS, RunFolder, load_into
from train.session import TrainingOptions, TrainingSession
from train.stages.baselines import XrayResNet
from train.stages.classifier import fit_classifier

PLAIN: dict[str, Any] = {
    "augmentation": "none",
    "variants": 1,
    "normalise": False,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "network": "resnet18",
    "init": "random",
    "third_map": "both",
    "average": 0.0,
    "class_weights": "balanced",
    "schedule": "one_cycle",
}
# Name -> what it changes against the row before.
STEPS: dict[str, dict[str, Any]] = {
    "residuals as they are": {},
    "+ standardised residuals": {"normalise": True},
    "+ flips left-right": {"augmentation": "left_right", "variants": 2},
    "+ affine, 8 variants": {"augmentation": "affine", "variants": 8},
    "+ weight averaging 0.99": {"average": 0.99},
    "+ label smoothing 0.1": {"label_smoothing": 0.1},
    "+ half of the variants mixed": {"mixup": 0.5},
}
BASELINE = "X-ray, no autoencoders"
# Name -> what it changes against all of STEPS but the last; "epochs" is a factor.
ALONE: dict[str, dict[str, Any]] = {
    "twice the epochs": {"epochs": 2},
    "constant rate": {"schedule": "constant"},
    "classes not weighted": {"class_weights": "none"},
    BASELINE: {},
}


@errors_in_one_line()
def main() -> None:
    """Train row after row; write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--tfen", type=Path, required=True, metavar="RUN_DIR", help="run whose autoencoders are used")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=1, help="trainings per row")
    parser.add_argument("--rows", nargs="*", help="only rows whose name contains one of these")
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bfloat16")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    compute = choose_compute(args.device, args.precision)
    data = read_training_data(args.data_dir, fraction=load_recipe("tuned").validation_fraction, seed=0)
    images = [open_cache(part, args.image_size, args.cache_dir) for part in (data.train, data.validation)]
    chain = load_autoencoders(args.tfen, compute)
    table = []
    for name, settings in rows(load_recipe("tuned").changed(cin_epochs=args.epochs).cin).items():
        if args.rows and not any(part in name for part in args.rows):
            continue
        for seed in range(args.seeds):
            begun = time.perf_counter()
            tfen = None if name == BASELINE else chain
            found = train_row(settings, images, tfen, compute, seed, args.cache_dir)
            minutes = (time.perf_counter() - begun) / 60
            table.append({"name": name, "seed": seed, **found, "minutes": minutes, "settings": settings.model_dump()})
            print(f"{name:28} seed {seed}  {found['balanced_accuracy']:.3f}  {minutes:.1f} min", flush=True)
            count = len(images[1])
            summary = {"validation_images": count, "image_size": args.image_size, "rows": table}
            args.out.write_text(json.dumps(summary, indent=2))


def rows(base: CinRecipe) -> dict[str, CinRecipe]:
    """Name -> settings of every row."""
    settings = base.model_copy(update=PLAIN)
    table = {}
    for name, change in STEPS.items():
        settings = settings.model_copy(update=change)
        table[name] = settings
        if not settings.mixup:
            unmixed = settings
    for name, change in ALONE.items():
        own = unmixed.model_copy(update=change)
        table[name] = own.model_copy(update={"epochs": base.epochs * change.get("epochs", 1)})
    return table


def load_autoencoders(run_dir: Path, compute: Compute) -> TFEN:
    """The frozen autoencoders of a run, whose classifier need not exist, with the paper's residuals."""
    run, autoencoders = RunFolder(run_dir), []
    for name in AUTOENCODERS:
        autoencoders.append(FPAE())
        load_into(autoencoders[-1], run.load_weights(f"fpae_{name}"), run.weights_path(f"fpae_{name}"))
    return compute.prepare(TFEN(*autoencoders).eval().requires_grad_(False))


def fingerprint(tfen: TFEN, images: ImageCache) -> str:
    """Tells residuals by other autoencoders, or of other images, apart: all may lie in one cache folder."""
    digest = hashlib.sha256(repr([str(example.path) for example in images.examples]).encode())
    for value in tfen.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def train_row(
    settings: CinRecipe, images: list[ImageCache], tfen: TFEN | None, compute: Compute, seed: int, cache_dir: Path
) -> dict[str, float]:
    """Train one classifier; returns its best validation metrics."""
    inputs = []
    for part, cache in zip(("train", "validation"), images, strict=True):
        if tfen is None:
            inputs.append(ClassifierInputs(cache, settings.augmentation, 0, compute, settings.mixup))
            continue
        variants, mixup, precision = settings.variants, settings.mixup, compute
        if part == "validation":
            variants, mixup, precision = 1, 0.0, replace(compute, bfloat16=False)
        name = f"{part}-{cache.image_size}-{settings.augmentation}-{variants}-{mixup}-{fingerprint(tfen, cache)}"
        folder = cache_dir / "residuals" / name if part == "validation" or settings.keeps_residuals else None
        inputs.append(residual_inputs(cache, settings.augmentation, variants, 0, precision, tfen, folder, mixup))
    torch.manual_seed(seed)
    network: CIN | XrayResNet = XrayResNet("resnet18") if tfen is None else CIN()
    if settings.normalise:
        mean, deviation = inputs[0].moments(0)
        prefix = "input" if tfen is None else "residual"
        setattr(network, f"{prefix}_mean", mean)
        setattr(network, f"{prefix}_std", deviation)
    with tempfile.TemporaryDirectory() as temporary:
        run = RunFolder(Path(temporary))
        recipe = load_recipe("tuned").model_copy(update={"cin": settings})
        options = TrainingOptions(Path(temporary), run.path, seed=seed, console=Console(quiet=True))
        session = TrainingSession(recipe, options, run, compute, Rank(), *images)
        fit_classifier("cin", settings, compute.prepare(network), inputs[0], inputs[1], session)
        return run.read_metrics()["cin"]


if __name__ == "__main__":
    main()
