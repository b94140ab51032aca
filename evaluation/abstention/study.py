"""What an evaluation says of a calibrated model's "I do not know"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.abstention.figures import Abstention, abstention_figures
from evaluation.abstention.judged import JudgedClassifier
from evaluation.abstention.outside import OutsideGroup, outside_groups
from evaluation.evaluate import Evaluation
from model_src.calibration.judge import Judge
from model_src.errors import RunError
from train.data.examples import NOT_COVID, Example
from train.data.listed_films import listed_films
from train.data.named_films import name_of


@dataclass(frozen=True)
class AbstentionStudy:
    """Figures of the split's films, and how well films outside are told from them; none where nobody asked."""

    figures: Abstention
    outside: list[OutsideGroup]
    calibration: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return {
            **self.figures.as_json(),
            "outside": [asdict(group) for group in self.outside],
            "calibration": self.calibration,
        }


def open_outside(paths: Sequence[Path], roots: Sequence[Path], judge: Judge | None) -> list[tuple[str, list[Example]]]:
    """Name and files of each folder or list, looked at before the long work.

    Raises:
        RunError: the model has no calibration, or one that does not say what is in scope.
        DataError: nothing there.
    """
    if judge is None or judge.calibration.scope is None:
        raise RunError(
            "--outside: this model's calibration does not say what is in scope; make it with more validation films: "
            "coronet calibrate RUN_DIR DATA_DIR"
        )
    return [(name_of(path), listed_films("--outside", path, roots, NOT_COVID)) for path in paths]


def study_abstention(
    evaluation: Evaluation, judge: Judge, listed: Sequence[tuple[str, Sequence[Example]]] | None
) -> AbstentionStudy:
    """The study of an evaluation's films; of others too, unless `listed` is None."""
    figures = abstention_figures(
        list(zip(evaluation.results, evaluation.judgements, strict=True)), judge.calibration.always_in_set()
    )
    groups: list[OutsideGroup] = []
    if listed is not None:
        inside = [
            (judgement.in_scope, result.patient)
            for judgement, result in zip(evaluation.judgements, evaluation.results, strict=True)
            if judgement.in_scope is not None
        ]
        films = [
            Example(path, result.truth, result.patient, result.source)
            for path, result in zip(evaluation.files, evaluation.results, strict=True)
        ]
        groups = outside_groups(JudgedClassifier(evaluation.classifier, judge), inside, listed, films)
    return AbstentionStudy(figures, groups, judge.describe())
