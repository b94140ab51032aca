"""A classifier whose prediction a person can see in the image, and images to show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.results import ImageResult, Predictions
from model_src.networks.coronet import Classified, CoroNet
from tests.fixtures.short_run import recipe, stripes, whole  # noqa: F401 (fixtures)
from train.data.examples import Example

GRAY = (40, 128, 215)  # gray value of the part that tells the class
SIZE = 16


@dataclass
class GrayReader:
    """Dark = Healthy, middle = Pneumonia, bright = COVID-19, as read from one part of the image; 80% sure."""

    part: Callable[[torch.Tensor], torch.Tensor]  # (N, 1, S, S) -> (N, pixels)
    name: str = "gray-reader"
    image_size: int = SIZE
    coronet: CoroNet | None = None
    provenance: dict[str, Any] = field(
        default_factory=lambda: {"kind": "hand-set", "image_size": SIZE, "warnings": [], "sha256": {"w.pt": "ab12"}}
    )

    def classify(self, x: torch.Tensor) -> Classified:
        level = self.part(x).mean(dim=1)
        label = (level > 0.33).long() + (level > 0.67).long()
        probabilities = torch.full((len(x), 3), 0.1)
        probabilities[torch.arange(len(x)), label] = 0.8
        return Classified(probabilities, torch.zeros(len(x), 2))


@pytest.fixture(scope="session")
def make_centre_reader() -> Callable[..., GrayReader]:
    """Makes models that read the centre, where lungs are."""
    return partial(GrayReader, lambda x: x[:, 0, 6:10, 6:10].flatten(1))


@pytest.fixture
def centre_reader(make_centre_reader: Callable[..., GrayReader]) -> GrayReader:
    """Reads the centre, where lungs are."""
    return make_centre_reader()


@pytest.fixture
def border_reader() -> GrayReader:
    """Reads the outermost row of pixels, where no lung is."""
    return GrayReader(lambda x: x[:, 0, 0, :])


@pytest.fixture(scope="session")
def write_images(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Example]]:
    """Writes a 16-pixel PNG for each label, filled with its class's gray, into a new folder and lists them."""

    def write(labels: Sequence[int], *, shown: Sequence[int] | None = None, source: str = "") -> list[Example]:
        folder = tmp_path_factory.mktemp("images")
        examples = []
        for index, (label, gray) in enumerate(zip(labels, shown or labels, strict=True)):
            pixels = np.full((SIZE, SIZE), GRAY[gray], dtype=np.uint8)
            pixels[5:11:2, 5:11:2] -= 20  # a texture, so that no image is constant
            path = folder / f"{index:02d}.png"
            Image.fromarray(pixels).save(path)
            examples.append(Example(path, label, f"patient-{index}", source))
        return examples

    return write


@pytest.fixture
def make_results() -> Callable[..., list[ImageResult]]:
    """Results with given truths and predictions; the predicted class gets 0.8, each image a patient of its own."""

    def make(truth: Sequence[int], predicted: Sequence[int], patients: Sequence[str] = ()) -> list[ImageResult]:
        return [
            ImageResult(
                path=f"{index:05d}.png",
                patient=patients[index] if patients else f"p{index}",
                source="",
                truth=t,
                predicted=p,
                probabilities=tuple(0.8 if c == p else 0.1 for c in range(3)),
                residual_healthy=0.01,
                residual_pneumonia=None,
                sha256=f"{index:016x}",
                warnings=(),
            )
            for index, (t, p) in enumerate(zip(truth, predicted, strict=True))
        ]

    return make


@pytest.fixture
def make_predictions(make_results: Callable[..., list[ImageResult]]) -> Callable[..., Predictions]:
    """The same as arrays."""
    return lambda *arguments: Predictions.of(make_results(*arguments))
