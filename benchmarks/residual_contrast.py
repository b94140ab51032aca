"""Do residuals tell pneumonia, as the paper has it: hard for the healthy autoencoder, easy for the other?

    python -m benchmarks.residual_contrast DATA_DIR --tfen tuned=archive/pretrained --cache-dir cache

On the validation films of one source, Healthy and Pneumonia, by view: the area under the ROC curve of Pneumonia against
Healthy (0.5: it tells nothing) of a film's mean residual by each autoencoder, and of their difference. Besides, how
alike the two residual maps of a film are (correlation, median of the films).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from torch import Tensor

from benchmarks.ablation import load_autoencoders
from benchmarks.errors import errors_in_one_line
from model_src.classes import HEALTHY, PNEUMONIA
from model_src.errors import DataError
from model_src.networks.tfen import TFEN
from train.data.examples import Example
from train.data.facts import UNKNOWN
from train.data.image_cache import ImageCache, open_cache
from train.data.split import read_training_data
from train.device import choose_compute
from train.recipe import load_recipe

_AT_ONCE = 32


@errors_in_one_line()
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, nargs="+")
    parser.add_argument("--tfen", action="append", required=True, metavar="NAME=RUN_DIR")
    parser.add_argument("--source", default="rsna")
    parser.add_argument("--image-size", type=int, default=load_recipe("tuned").image_size)
    parser.add_argument("--cache-dir", type=Path, required=True)
    args = parser.parse_args()
    split = read_training_data(args.data_dir, [], fraction=load_recipe("tuned").validation_fraction, seed=0)
    own = [each for each in split.validation if each.source == args.source and each.label in (HEALTHY, PNEUMONIA)]
    if not own:
        there = ", ".join(sorted({each.source for each in split.validation if each.source})) or "none"
        raise DataError(f"--source {args.source}: no Healthy or Pneumonia film of it in validation; there are {there}")
    films = open_cache(own, args.image_size, args.cache_dir)
    compute = choose_compute("cpu", "float32")
    table = Table("tfen", "view", "films", "healthy", "pneumonia", "difference", "correlation")
    for name, _, folder in (text.partition("=") for text in args.tfen):
        by_healthy, by_pneumonia, alike = residuals(load_autoencoders(Path(folder), compute), films)
        for view, chosen in by_view(films.examples).items():
            ill = np.array([example.label == PNEUMONIA for example in films.examples])[chosen]
            shown = (by_healthy, by_pneumonia, by_healthy - by_pneumonia)
            areas = [f"{roc_auc_score(ill, values[chosen]):.2f}" for values in shown]
            table.add_row(name, view, str(int(chosen.sum())), *areas, f"{np.median(alike[chosen]):.2f}")
    Console().print(table)


def residuals(tfen: TFEN, films: ImageCache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each film's mean residual by the healthy and by the pneumonia autoencoder, and its maps' correlation: (N,)."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(films), _AT_ONCE):
            x = films.tensor(range(start, min(start + _AT_ONCE, len(films))))
            healthy, pneumonia = ((x - drawn).abs().flatten(1) for drawn in tfen.reconstruct(x))
            parts.append(torch.stack([healthy.mean(1), pneumonia.mean(1), correlation(healthy, pneumonia)]))
    first, second, alike = torch.cat(parts, 1).numpy()
    return first, second, alike


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, row by row: (N, P) and (N, P) -> (N,)."""
    a, b = (part - part.mean(1, keepdim=True) for part in (a, b))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)


def by_view(examples: list[Example]) -> dict[str, np.ndarray]:
    """View -> which films have it, after all films; known views of both classes alone."""
    views = np.array([example.facts.view for example in examples])
    labels = np.array([example.label for example in examples])
    groups = {"all": np.ones(len(examples), dtype=bool)} | {
        str(view): views == view for view in sorted(set(views) - {UNKNOWN})
    }
    return {view: chosen for view, chosen in groups.items() if len(set(labels[chosen])) == 2}


if __name__ == "__main__":
    main()
