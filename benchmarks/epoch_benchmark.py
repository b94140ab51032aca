"""Whole epochs of recipe `tuned`, residuals included: `coronet train` against a straightforward loop, in one run.

    python -m benchmarks.epoch_benchmark [--films 384] [--rounds 3] [--precision bfloat16] [--out result.json]

Ours is the training itself, on generated films: images a second that its second epochs write into history.csv. The
straightforward loop shows as many films in batches of the same size: float32, contiguous tensors, eager. It runs an
autoencoder a second time on the reconstruction, as a plain reading of equation (4) has it. For the classifier it alters
each film as ours does, then takes its residuals from the frozen TFEN, then a step. Both read decoded films; neither
figure has validation or the start of a training in it. Rounds alternate between both, medians are reported.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from rich.console import Console

from benchmarks.errors import errors_in_one_line
from benchmarks.train_benchmark import plain_fpae, processor
from model_src.classes import CLASS_NAMES, HEALTHY
from model_src.networks.fpae import FPAE
from model_src.networks.kinds import CINS, TFENS
from train.data.augmentation import apply_variants, choose_variants
from train.data.image_cache import ImageCache, open_cache
from train.data.split import read_training_data
from train.device import Compute, choose_compute
from train.recipe import CinRecipe, Recipe, load_recipe
from train.runs.train_run import train_run
from train.session import TrainingOptions
from train.stages.stage import batches

Speeds = dict[str, float]  # images a second, by stage or by loop
STAGES = {"fpae": "autoencoder", "cin": "classifier"}


@errors_in_one_line()
def main() -> None:
    """Measure both, round by round."""
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    compute = choose_compute(args.device, args.precision)
    stages = measured(args.films, args.image_size, args.rounds, compute)
    on_gpu = compute.device.type == "cuda"
    result = {
        "device": torch.cuda.get_device_name() if on_gpu else processor(),
        "threads": args.threads,
        "precision": "bfloat16" if compute.bfloat16 else "float32",
        "image_size": args.image_size,
        "films": args.films,
        "rounds": args.rounds,
        "stages": stages,
    }
    for stage, found in stages.items():
        print(
            f"{STAGES[stage]:12} plain {found['plain']:7.1f}  ours {found['ours']:7.1f} images/s {found['ratio']:.2f}x "
            f"(median of {args.rounds}, {found['lowest_ratio']:.2f} to {found['highest_ratio']:.2f})"
        )
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=384, help="of all classes alike, and of a classifier's epoch")
    parser.add_argument("--image-size", type=int, default=load_recipe("tuned").image_size)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--precision", default="auto", help="of our training: auto, float32 or bfloat16 (auto)")
    parser.add_argument("--out", type=Path)
    return parser


def measured(films: int, image_size: int, rounds: int, compute: Compute) -> dict[str, Speeds]:
    """Stage -> median images a second, plain and ours, and the median ratio of a round with its range."""
    recipe = load_recipe("tuned").changed(
        image_size=image_size, fpae_epochs=2, cin_epochs=2, cin_films_per_epoch=films, cin_init="random"
    )
    ours: list[Speeds] = []
    plain: list[Speeds] = []
    with tempfile.TemporaryDirectory(prefix="coronet-benchmark-") as name:
        folder = Path(name)
        generated_films(folder / "films", films, image_size)
        for number in range(rounds):
            plain.append(plain_epochs(folder, recipe, compute.device))
            ours.append(our_epochs(folder, f"run-{number}", recipe, compute))
    return {stage: compared(plain, ours, stage) for stage in STAGES}


def generated_films(folder: Path, films: int, size: int) -> None:
    """Class folders of random pixels: how fast an epoch is does not depend on what it shows."""
    draw = np.random.default_rng(0)
    for number in range(films):
        path = folder / CLASS_NAMES[number % len(CLASS_NAMES)] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (size, size), dtype=np.uint8)).save(path)


def our_epochs(folder: Path, name: str, recipe: Recipe, compute: Compute) -> Speeds:
    """A training's second epochs: the first ones have the start of its kernels in them."""
    options = TrainingOptions(
        [folder / "films"],
        folder / name,
        device=compute.device.type,
        precision="bfloat16" if compute.bfloat16 else "float32",
        cache_dir=folder / "cache",
        console=Console(quiet=True),
    )
    rows = train_run(recipe, options).history()
    last = {row["stage"]: float(row["images_per_s"]) for row in rows}
    return {"fpae": last["fpae_healthy"], "cin": last["cin"]}


def plain_epochs(folder: Path, recipe: Recipe, device: torch.device) -> Speeds:
    """The same epochs by the straightforward loop, each after one step that is not measured."""
    split = read_training_data([folder / "films"], [], fraction=recipe.validation_fraction, seed=0)
    films = open_cache(split.train, recipe.image_size, folder / "cache")
    return {"fpae": _plain_autoencoder(films, recipe, device), "cin": _plain_classifier(films, recipe.cin, device)}


def _plain_autoencoder(films: ImageCache, recipe: Recipe, device: torch.device) -> float:
    """Images a second; the films are those of class Healthy."""
    own = np.flatnonzero([example.label == HEALTHY for example in films.examples])
    healthy = replace(films, examples=[films.examples[number] for number in own], rows=films.rows[own])
    batch = recipe.fpae.batch_size
    step = plain_fpae(healthy, batch, Compute(device, bfloat16=False))
    step()
    steps = max(1, len(own) // batch)
    _wait(device)
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    _wait(device)
    return steps * batch / (time.perf_counter() - begun)


def _plain_classifier(films: ImageCache, settings: CinRecipe, device: torch.device) -> float:
    """Images a second."""
    tfen = TFENS[settings.third_map](FPAE(), FPAE()).eval().requires_grad_(False).to(device)
    network = CINS[settings.network]().to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    labels = np.array([example.label for example in films.examples])

    def step(batch: np.ndarray) -> None:
        chosen = choose_variants(settings.augmentation, settings.variants, labels, batch, 0, 0)
        altered = apply_variants(films, settings.augmentation, batch, chosen, 0).to(device)
        optimiser.zero_grad()
        with torch.no_grad():
            residuals = tfen(altered)
        F.cross_entropy(network(residuals), torch.from_numpy(labels[batch]).to(device)).backward()
        optimiser.step()

    order = np.random.default_rng(0).integers(len(films), size=settings.films_per_epoch)
    step(order[: settings.batch_size])
    _wait(device)
    begun = time.perf_counter()
    for batch in batches(order, settings.batch_size):
        step(batch)
    _wait(device)
    return len(order) / (time.perf_counter() - begun)


def compared(plain: list[Speeds], ours: list[Speeds], stage: str) -> Speeds:
    """A stage's medians, and the range of its ratios."""
    ratios = [b[stage] / a[stage] for a, b in zip(plain, ours, strict=True)]
    return {
        "plain": statistics.median(speeds[stage] for speeds in plain),
        "ours": statistics.median(speeds[stage] for speeds in ours),
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
        "highest_ratio": max(ratios),
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
