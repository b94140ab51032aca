"""Which marked films are explained, and their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evaluation.maps.marks import Marks
from evaluation.predictions import Classifier, predict_split
from evaluation.results import ImageResult
from explanations import Attribution, ExplainOptions, explain_batch
from model_src.errors import DataError, RequestError
from model_src.imaging.xray import Xray, read_xray
from model_src.networks.coronet import CoroNet
from train.data.examples import Example
from train.progress import track

FILMS = 100  # with boxes, and as many with lung masks: the default method takes seconds a film
CANDIDATES = 3  # times as many are classified as are wanted, at most
_TOGETHER = 8  # explained at once: steps on masks are cheaper so


@dataclass(frozen=True)
class MarkedFilm:
    """A film that people have marked and the model tells rightly, as the network sees it."""

    result: ImageResult
    file: Path
    x: torch.Tensor  # float32 (1, S, S) in [0, 1]
    region: np.ndarray  # bool (S, S): boxes, or lungs

    @property
    def name(self) -> str:
        """Path below the data directory."""
        return self.result.path

    @property
    def patient(self) -> str:
        return self.result.patient

    @property
    def label(self) -> int:
        """The class index: true and predicted."""
        return self.result.truth


@dataclass(frozen=True)
class Chosen:
    """Films with one kind of mark: how many there are, how many of them are told rightly, and those that were drawn."""

    marks: str  # "boxes" or "lung masks"
    marked: int
    told_rightly: int
    films: list[MarkedFilm]

    def as_json(self) -> dict[str, int]:
        """The counts."""
        return {"marked": self.marked, "told_rightly": self.told_rightly, "measured": len(self.films)}


def choose_films(
    results: Sequence[ImageResult],
    files: Sequence[Path],
    marks: Marks,
    image_size: int,
    count: int,
    seed: int,
) -> Chosen:
    """At most `count` random films among `results` that are marked and told rightly.

    Raises:
        DataError: none of the marked ones is told rightly; a mark that is of no use for its film.
    """
    resolved = [path.resolve() for path in files]
    marked = [index for index, path in enumerate(resolved) if path in marks.films]
    right = [index for index in marked if results[index].correct]
    if not right:
        raise DataError(
            f"none of the {len(marked)} films with {marks.name} is told rightly: there is no map to hold against them"
        )
    films = []
    for index in sorted(np.random.default_rng(seed).permutation(right)[:count].tolist()):
        xray = read_film(files[index], image_size)
        region = marks.region(resolved[index], xray, image_size)
        films.append(MarkedFilm(results[index], files[index], xray.tensor, region))
    return Chosen(marks.name, len(marked), len(right), films)


def read_film(path: Path, image_size: int) -> Xray:
    """A film at the network's size.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return read_xray(path.read_bytes(), image_size)
    except (RequestError, OSError) as error:
        raise DataError(f"{path}: cannot be read ({error}); mend it, or remove its marks") from error


def explain_films(
    network: CoroNet, films: Sequence[MarkedFilm], options: ExplainOptions, what: str
) -> list[Attribution]:
    """Explain the films' own classes, showing progress; `what` is said beside the bar."""
    device = next(network.parameters()).device
    batches = [films[start : start + _TOGETHER] for start in range(0, len(films), _TOGETHER)]
    explained: list[Attribution] = []
    for batch in track(batches, len(films), what, "films", count=len):
        x = torch.stack([film.x for film in batch]).to(device)
        explained += explain_batch(network, x, [film.label for film in batch], options)
    return explained


def find_told_rightly(
    classifier: Classifier,
    examples: Sequence[Example],
    roots: Sequence[Path],
    marks: Marks,
    count: int,
    seed: int,
) -> Chosen:
    """At most `count` random films of `examples` that are marked and told rightly, classifying no more than it takes.

    The counts are of the films that were classified: up to CANDIDATES times as many as are wanted.

    Raises:
        DataError: none is marked, or none of those that were classified is told rightly.
    """
    marked = [example for example in examples if example.path.resolve() in marks.films]
    if not marked:
        raise DataError(f"none of the {len(examples)} films has {marks.name}; choose the marks' own data")
    order = np.random.default_rng(seed).permutation(len(marked))[: CANDIDATES * count]
    candidates = [marked[index] for index in sorted(order)]
    results = predict_split(classifier, candidates, roots, batch_size=_TOGETHER)
    files = [example.path for example in candidates]
    return choose_films(results, files, marks, classifier.image_size, count, seed)
