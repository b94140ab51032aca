"""Every explanation method's maps of films that people have marked and the model tells rightly, measured.

Maps are of the predicted class, which is the true one here, with the methods' default options. Beside them stand the
references of references.py, measured in the same way on the same films.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.intervals import Estimate, clustered_rate
from evaluation.maps.figures import MapFigures, against, mean_of
from evaluation.maps.films import Chosen, MarkedFilm, explain_films
from evaluation.maps.localisation import Localisation, localise, share_inside
from evaluation.maps.marks import Box
from evaluation.maps.references import centre_map, overlapping_boxes, random_map
from explanations import METHODS, parse_options
from model_src.classes import CLASS_NAMES
from model_src.networks.coronet import CoroNet

FEW_SCORES = 4  # the least that `explain_batch` takes: deletion and insertion are no part of this
BOX_PRIOR, CENTRE, RANDOM = "box prior", "centre", "random"
ALL_METHODS = tuple(METHODS)

NO_BOXED, NO_LUNGED = Chosen("boxes", 0, 0, []), Chosen("lung masks", 0, 0, [])


@dataclass(frozen=True)
class MapStudy:
    """What came of it.

    Attributes:
        boxed, lunged: the films, and how they were chosen.
        methods, references: figures by name.
        above: method -> reference -> figure -> how far above, film by film.
        readers: mean overlap of two boxes of one film, of all films in the table whose boxes overlap.
        maps: of each method, of the boxed films in order; for pictures.
        boxes: of every film, by its resolved path.
    """

    boxed: Chosen
    lunged: Chosen
    methods: dict[str, MapFigures]
    references: dict[str, MapFigures]
    above: dict[str, dict[str, dict[str, Estimate]]]
    readers: Estimate
    maps: dict[str, list[np.ndarray]] = field(repr=False)
    boxes: Mapping[Path, Sequence[Box]] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """What metrics.json says of it."""
        return {
            "films_with_boxes": self.boxed.as_json(),
            "films_with_lung_masks": self.lunged.as_json(),
            "methods": {
                name: {
                    **figures.as_json(),
                    "above": {
                        reference: {figure: estimate.as_json() for figure, estimate in figures.items()}
                        for reference, figures in self.above.get(name, {}).items()
                    },
                }
                for name, figures in self.methods.items()
            },
            "references": {name: figures.as_json() for name, figures in self.references.items()},
            "overlapping_boxes": self.readers.as_json(),
        }


def study_maps(
    network: CoroNet,
    methods: Sequence[str],
    *,
    boxed: Chosen = NO_BOXED,
    lunged: Chosen = NO_LUNGED,
    boxes: Mapping[Path, Sequence[Box]] | None = None,
    prior: np.ndarray | None = None,
    seed: int = 0,
) -> MapStudy:
    """Draw and measure maps of the chosen films.

    Args:
        network: whose answers are explained.
        methods: names of explanation methods.
        boxed, lunged: films of `films.choose_films`; either may be missing.
        boxes: of every film, also of those that are not measured.
        prior: `references.box_prior`; None leaves that reference out.
        seed: of maps and resamples.
    """
    boxes = boxes or {}
    found: dict[str, list[Localisation]] = {}
    references, measured, maps, above = {}, {}, {}, {}
    for name, draw in _references(prior, seed).items():
        drawn = [draw(film) for film in boxed.films]
        found[name] = _localised(drawn, boxed)
        references[name] = _figures(found[name], boxed, [draw(film) for film in lunged.films], lunged, seed)
    for name in methods:
        options = parse_options({"method": name, "seed": seed, "score_steps": FEW_SCORES})
        started = time.perf_counter()
        on_boxed, on_lunged = (
            [one.heatmap for one in explain_films(network, chosen.films, options, f"{name}, films with {chosen.marks}")]
            for chosen in (boxed, lunged)
        )
        seconds = (time.perf_counter() - started) / max(1, len(on_boxed) + len(on_lunged))
        maps[name] = on_boxed
        localised = _localised(on_boxed, boxed)
        measured[name] = _figures(localised, boxed, on_lunged, lunged, seed, seconds)
        if localised:
            patients = [film.patient for film in boxed.films]
            above[name] = {other: against(localised, found[other], patients, seed=seed) for other in references}
    return MapStudy(boxed, lunged, measured, references, above, _readers(boxes, seed), maps, boxes)


def _references(prior: np.ndarray | None, seed: int) -> dict[str, Callable[[MarkedFilm], np.ndarray]]:
    known: dict[str, Callable[[MarkedFilm], np.ndarray]] = {} if prior is None else {BOX_PRIOR: lambda film: prior}
    return {**known, CENTRE: lambda film: centre_map(), RANDOM: lambda film: random_map(film.name, seed)}


def _localised(maps: Sequence[np.ndarray], boxed: Chosen) -> list[Localisation]:
    return [localise(heatmap, film.region) for heatmap, film in zip(maps, boxed.films, strict=True)]


def _figures(
    localised: Sequence[Localisation],
    boxed: Chosen,
    on_lunged: Sequence[np.ndarray],
    lunged: Chosen,
    seed: int,
    seconds: float | None = None,
) -> MapFigures:
    patients = [film.patient for film in boxed.films]
    shares = [share_inside(heatmap, film.region) for heatmap, film in zip(on_lunged, lunged.films, strict=True)]
    inside = [math.nan if share is None else share for share in shares]  # an empty map is nowhere
    by_class = {
        name: [i for i, film in enumerate(lunged.films) if film.label == label]
        for label, name in enumerate(CLASS_NAMES)
    }
    return MapFigures(
        hit=clustered_rate(np.array([one.hit for one in localised], bool), patients, "no film"),
        overlap=mean_of([one.overlap for one in localised], patients, seed=seed),
        precision_recall=mean_of([one.precision_recall for one in localised], patients, seed=seed),
        inside=mean_of(inside, [film.patient for film in lunged.films], seed=seed),
        inside_of={
            name: mean_of([inside[i] for i in rows], [lunged.films[i].patient for i in rows], seed=seed)
            for name, rows in by_class.items()
            if rows
        },
        seconds=seconds,
    )


def _readers(boxes: Mapping[Path, Sequence[Box]], seed: int) -> Estimate:
    """Mean overlap of two boxes of one film that overlap at all; films stand for patients, which tables do not name."""
    pairs = [(overlap, str(path)) for path, drawn in boxes.items() for overlap in overlapping_boxes(drawn)]
    why = "no two boxes of a film overlap: nothing says how far readers agree"
    return mean_of([overlap for overlap, _ in pairs], [film for _, film in pairs], seed=seed, why=why)
