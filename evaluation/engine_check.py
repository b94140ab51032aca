"""Whether an engine of the server answers as the artefacts do: the rule that a precision has to pass to be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from evaluation.classifiers import LoadedClassifier
from evaluation.results import ImageResult
from model_src.engines.choose import open_engine
from model_src.engines.engine import Engine
from model_src.engines.settings import TOLERANCE, EngineSettings
from model_src.errors import RunError
from model_src.networks.coronet import Classified, CoroNet


@dataclass(frozen=True)
class EngineClassifier:
    """A model run by an engine of the server; a `evaluation.predictions.Classifier`."""

    reference: LoadedClassifier
    engine: Engine
    coronet: CoroNet

    @property
    def name(self) -> str:
        """As in the report's title."""
        return f"{self.reference.name}, {self.engine.name} {self.engine.precision}"

    @property
    def image_size(self) -> int:
        """S: images come as (N, 1, S, S)."""
        return self.reference.image_size

    @property
    def provenance(self) -> dict[str, Any]:
        """The model's, and the engine."""
        return self.reference.provenance | {"engine": self.engine.name, "precision": self.engine.precision}

    def classify(self, x: torch.Tensor) -> Classified:
        """Answer for `x` (N, 1, S, S) float32 in [0, 1] on the CPU."""
        return self.engine.classify(x)


def open_classifier(reference: LoadedClassifier, settings: EngineSettings) -> EngineClassifier:
    """`reference` run by the engine that the server would open with these settings on this machine.

    Raises:
        RunError: a baseline, which no engine runs.
        ArtefactError: the engine or precision asked for cannot be had here.
    """
    if reference.coronet is None:
        raise RunError(f"{reference.name}: engines run CoroNet's chain, this is a plain classifier: leave --engine out")
    engine = open_engine(reference.coronet, reference.image_size, reference.device, settings)
    return EngineClassifier(reference, engine, reference.coronet)


@dataclass(frozen=True)
class EngineCheck:
    """An engine's answers beside those of the float32 artefacts for the same images."""

    engine: str
    precision: str
    images: int
    changed_labels: int
    largest_shift: float  # of any class's probability for any image

    @classmethod
    def of(cls, engine: Engine, answers: Sequence[ImageResult], reference: Sequence[ImageResult]) -> EngineCheck:
        """Compare answers for the same images in the same order."""
        pairs = list(zip(answers, reference, strict=True))
        shifts = [abs(p - q) for a, r in pairs for p, q in zip(a.probabilities, r.probabilities, strict=True)]
        changed = sum(a.predicted != r.predicted for a, r in pairs)
        return cls(engine.name, engine.precision, len(pairs), changed, max(shifts))

    @property
    def passed(self) -> bool:
        """No label changes and no probability moves by more than TOLERANCE."""
        return self.changed_labels == 0 and self.largest_shift <= TOLERANCE

    @property
    def sentence(self) -> str:
        """The outcome for a reader."""
        outcome = "passed" if self.passed else "failed: do not serve with it"
        return (
            f"Engine {self.engine}, {self.precision}, against the artefacts in float32: {self.changed_labels} of "
            f"{self.images} labels changed, the largest move of a probability is {self.largest_shift:.2g} "
            f"(none and at most {TOLERANCE} are allowed). Check {outcome}."
        )

    @property
    def failure(self) -> str:
        """What to do about a check that failed, for whoever started it."""
        return (
            f"engine check failed: {self.engine} in {self.precision} changed {self.changed_labels} of {self.images} "
            f"labels and moved a probability by up to {self.largest_shift:.2g}, none and {TOLERANCE} are allowed; "
            "serve with another engine or precision (the report is written)"
        )

    def as_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return asdict(self) | {"tolerance": TOLERANCE, "passed": self.passed}
