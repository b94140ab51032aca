"""What the explanation benchmark explains: a model's artefacts, X-rays of a test split, phantoms with lesion masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from model_src.classes import CLASS_NAMES
from model_src.imaging.xray import read_xray, resize_pixels
from phantoms.generate import make_phantom
from train.data.data_dir import read_data_dir
from train.data.examples import Example

PHANTOM_SEED = 900_000  # far from any training seed


@dataclass(frozen=True)
class Case:
    """One image to explain."""

    name: str
    x: Tensor  # (1, 1, S, S) float32 in [0, 1]
    label: int
    lesions: np.ndarray | None = None  # bool (S, S)


def image_cases(data: Path, count: int, size: int) -> list[Case]:
    """`count` images of the test split, the classes in turn, each class in the order of the file."""
    examples = read_data_dir(data, "test")
    by_class = [iter([e for e in examples if e.label == label]) for label in range(len(CLASS_NAMES))]
    chosen: list[Example] = []
    while len(chosen) < count and by_class:
        for rest in list(by_class):
            example = next(rest, None)
            if example is None:
                by_class.remove(rest)
            elif len(chosen) < count:
                chosen.append(example)
    return [Case(e.path.name, read_xray(e.path.read_bytes(), size).tensor[None], e.label) for e in chosen]


def phantom_cases(count: int, size: int) -> list[Case]:
    """Phantoms the model has not seen, the three classes in turn."""
    cases = []
    for number in range(count):
        phantom = make_phantom(number % len(CLASS_NAMES), PHANTOM_SEED + number, size)
        x = resize_pixels(phantom.image.astype(np.float32) / 255, size)[None]
        cases.append(Case(f"phantom {number}", x, number % len(CLASS_NAMES), phantom.lesion_mask))
    return cases
