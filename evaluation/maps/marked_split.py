"""From an evaluated split and its marks to the study of maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.evaluate import Evaluation
from evaluation.maps.films import choose_films
from evaluation.maps.options import MapOptions, OpenMarks
from evaluation.maps.references import box_prior
from evaluation.maps.study import NO_BOXED, NO_LUNGED, MapStudy, study_maps
from model_src.networks.coronet import CoroNet


def study_split(
    evaluation: Evaluation, network: CoroNet, marks: OpenMarks, training: Sequence[Path], options: MapOptions
) -> MapStudy:
    """Hold maps of the films that `evaluation` tells rightly against `marks`.

    Args:
        evaluation: of the split that the marks were opened for.
        network: of the same model, as the explanation methods take it.
        marks: of `open_marks`.
        training: the training films, for the box prior; measured films among them are left out.
        options: methods and number of films.

    Raises:
        DataError: no marked film is told rightly.
    """
    size = evaluation.classifier.image_size
    boxed, lunged = (
        nothing
        if of is None
        else choose_films(evaluation.results, evaluation.files, of, size, options.films, evaluation.seed)
        for of, nothing in ((marks.boxed, NO_BOXED), (marks.lunged, NO_LUNGED))
    )
    measured = {film.file.resolve() for film in boxed.films}
    others = [path for film in training if (path := film.resolve()) not in measured]
    return study_maps(
        network,
        options.methods,
        boxed=boxed,
        lunged=lunged,
        boxes=marks.boxes,
        prior=box_prior(marks.boxes, others, evaluation.seed) if marks.boxes else None,
        seed=evaluation.seed,
    )
