"""A classifier's prediction for every image of a data split, streamed: memory does not grow with the images."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from evaluation.probes import working_size
from evaluation.results import ImageResult
from model_src.errors import DataError, RequestError, RunError
from model_src.imaging.xray import read_xray
from model_src.networks.coronet import Classified, CoroNet
from train.data.decode import decoding_threads
from train.data.examples import Example
from train.progress import track


class Classifier(Protocol):
    """What evaluation needs of a model."""

    @property
    def name(self) -> str:
        """As in the report's title."""

    @property
    def image_size(self) -> int:
        """S: images come as (N, 1, S, S)."""

    @property
    def provenance(self) -> dict[str, Any]:
        """JSON-ready facts for the report: weights, digests, recipe, training data, warnings."""

    @property
    def coronet(self) -> CoroNet | None:
        """The network, for pictures of its inside; None for a plain classifier."""

    def classify(self, x: torch.Tensor) -> Classified:
        """Answer for `x` (N, 1, S, S) float32 in [0, 1] on the CPU."""


@dataclass(frozen=True)
class DecodedImage:
    """One readable image of a split, small enough to keep a batch of them."""

    example: Example
    tensor: torch.Tensor  # float32 (1, S, S) in [0, 1]: the network's input
    pixels: np.ndarray  # float32 (H, W) in [0, 1], longest side at most 1024
    sha256: str  # of the file
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """An image that could not be read, and why."""

    path: str
    reason: str


def predict_split(
    classifier: Classifier,
    examples: Sequence[Example],
    roots: Sequence[Path],
    *,
    batch_size: int = 16,
    skipped: list[Skipped] | None = None,
    each: Callable[[list[DecodedImage]], None] = lambda batch: None,
) -> list[ImageResult]:
    """Classify every example, in order, showing progress.

    Images are decoded as they are needed and forgotten after their batch: each is needed once, so the
    training's cache on disk would only cost time and space.

    Args:
        classifier: the model.
        examples: the split.
        roots: folders that paths in the results are relative to, the first that holds the image.
        batch_size: images per call of the classifier.
        skipped: unreadable images are appended here and left out; None makes them an error.
        each: called with every decoded batch after it is classified.

    Raises:
        DataError: an unreadable image, or none that can be read.
        RunError: the classifier's answer is not a number.
    """
    results: list[ImageResult] = []
    readable = _readable(decode_stream(examples, classifier.image_size), skipped)
    for batch in track(_batches(readable, batch_size), len(examples), "Classifying", count=len):
        answer = classifier.classify(torch.stack([item.tensor for item in batch]))
        results += _results(batch, answer, roots)
        each(batch)
    if not results:
        raise DataError(f"none of the {len(examples)} images can be read; need at least one to evaluate a model")
    return results


def _batches(items: Iterator[DecodedImage], size: int) -> Iterator[list[DecodedImage]]:
    while batch := list(islice(items, size)):
        yield batch


def decode_stream(examples: Sequence[Example], image_size: int) -> Iterator[tuple[Example, DecodedImage | str]]:
    """Every example with its decoded image, or with the reason why it cannot be read.

    In order, decoded a few ahead of the reader in threads: Pillow, pydicom and torch release the interpreter.
    """
    workers = decoding_threads()
    waiting = iter(examples)
    with ThreadPoolExecutor(workers) as pool:
        running: deque[tuple[Example, Future[DecodedImage | str]]] = deque()
        try:
            for example in islice(waiting, 2 * workers):
                running.append((example, pool.submit(_decode, example, image_size)))
            while running:
                example, future = running.popleft()
                outcome = future.result()
                for following in islice(waiting, 1):
                    running.append((following, pool.submit(_decode, following, image_size)))
                yield example, outcome
        finally:
            for _, future in running:
                future.cancel()


def _decode(example: Example, image_size: int) -> DecodedImage | str:
    try:
        data = Path(example.path).read_bytes()
        xray = read_xray(data, image_size)
    except RequestError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    digest = hashlib.sha256(data).hexdigest()
    return DecodedImage(example, xray.tensor, working_size(xray.pixels), digest, xray.warnings)


def _readable(
    stream: Iterator[tuple[Example, DecodedImage | str]], skipped: list[Skipped] | None
) -> Iterator[DecodedImage]:
    for example, outcome in stream:
        if isinstance(outcome, DecodedImage):
            yield outcome
        elif skipped is None:
            raise DataError(
                f"{example.path}: cannot be read ({outcome}); mend or remove it, "
                "or leave such images out with --skip-unreadable"
            )
        else:
            skipped.append(Skipped(str(example.path), outcome))


def _results(batch: list[DecodedImage], answer: Classified, roots: Sequence[Path]) -> list[ImageResult]:
    probabilities = answer.probabilities.float().cpu()
    if not torch.isfinite(probabilities).all():
        bad = int((~torch.isfinite(probabilities)).any(dim=1).nonzero()[0])
        raise RunError(
            f"{batch[bad].example.path}: the model's probabilities are not numbers; "
            "its weights are damaged or its training diverged: train it again"
        )
    residuals = None if answer.residual_means is None else answer.residual_means.float().cpu().tolist()
    return [
        ImageResult(
            path=_relative(Path(item.example.path), roots),
            patient=item.example.patient,
            source=item.example.source,
            truth=item.example.label,
            predicted=int(row.argmax()),
            probabilities=tuple(row.tolist()),
            residual_healthy=residuals[index][0] if residuals else None,
            residual_pneumonia=residuals[index][1] if residuals else None,
            sha256=item.sha256[:16],
            warnings=item.warnings,
            view=item.example.facts.view,
            sex=item.example.facts.sex,
            age=item.example.facts.age,
        )
        for index, (item, row) in enumerate(zip(batch, probabilities, strict=True))
    ]


def _relative(path: Path, roots: Sequence[Path]) -> str:
    """The path below its root, as text that can be drawn and written: bytes that are no UTF-8 as \\xff."""
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return os.fsencode((path.relative_to(root) if root else path).as_posix()).decode("utf-8", "backslashreplace")
