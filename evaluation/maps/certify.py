"""`coronet certify`: the four tests of every method, with a run's weights, into its certificate.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from evaluation.classifiers import load_classifier
from evaluation.maps.film_network import explainable
from evaluation.maps.films import Chosen, MarkedFilm, explain_films, find_told_rightly, read_film
from evaluation.maps.marks import Box, Marks, read_boxes
from evaluation.maps.references import box_prior
from evaluation.maps.study import FEW_SCORES
from evaluation.maps.trust import Draw, Others, four_tests
from explanations import METHODS, parse_options
from model_src.certificate import Certificate
from model_src.errors import RunError
from model_src.networks.coronet import CoroNet
from model_src.numerics import set_repeatable_float32
from train.data.data_dir import Split, folder_of, list_splits, read_data_dir
from train.data.several import as_paths
from train.device import choose_compute
from train.runs.run_folder import RunFolder

FILMS = 40  # each is explained eight times and more, and the default method takes seconds a film


@dataclass(frozen=True)
class CertifyOptions:
    """What is certified on what.

    Attributes:
        run_dir: the run; certificate.json is written beside its weights.
        data_dirs, split, roots: as for `train.data.data_dir.read_data_dir`.
        boxes: table of boxes around opacities.
        retrained: other trainings of the same recipe: run folders, artefact folders or archives.
        architectures: trainings of other architectures, such as a baseline's run.
        methods: names of explanation methods.
        films: at most so many.
        device: "auto", "cpu" or "cuda".
        seed: of chosen films, random weights, maps and resamples.
    """

    run_dir: Path
    data_dirs: Sequence[Path]
    boxes: Path
    split: Split = "test"
    roots: Sequence[Path] = ()
    retrained: Sequence[Path] = ()
    architectures: Sequence[Path] = ()
    methods: Sequence[str] = tuple(METHODS)
    films: int = FILMS
    device: str = "auto"
    seed: int = 0


def certify(options: CertifyOptions) -> Certificate:
    """Make the four tests and write the certificate.

    Raises:
        InvalidRequest: an unknown method.
        RunError, ArtefactError: a model that cannot be used, or a run that is a baseline.
        DataError: boxes or films that cannot be used; no film with boxes is told rightly.
    """
    for method in options.methods:
        parse_options({"method": method})
    set_repeatable_float32()
    device = choose_compute(options.device, "float32").device
    run = RunFolder(options.run_dir)
    run.record()
    classifier = load_classifier(options.run_dir, device)
    network = classifier.coronet
    if network is None:
        raise RunError(f"{options.run_dir}: holds a baseline; only CoroNet runs are served and certified")
    others = [load_classifier(path, device) for path in (*options.retrained, *options.architectures)]
    roots = [*map(folder_of, as_paths(options.data_dirs)), *options.roots]
    boxes = read_boxes(options.boxes, roots)
    examples = read_data_dir(options.data_dirs, options.split, options.roots)
    chosen = find_told_rightly(classifier, examples, roots, Marks("boxes", boxes), options.films, options.seed)
    prior = box_prior(boxes, _training(options, chosen), options.seed)
    seen = [
        (explainable(other.model, network.tfen), _at_size(chosen.films, boxes, other.image_size)) for other in others
    ]
    held = Others(seen[: len(options.retrained)], seen[len(options.retrained) :])
    certificate = Certificate(
        weights=run.weights_digests(),
        films=len(chosen.films),
        patients=len({film.patient for film in chosen.films}),
        split=options.split,
        methods={
            method: four_tests(_drawn_by(method), network, chosen.films, prior, held, options.seed)
            for method in options.methods
        },
        settings={method: _settings(method) for method in options.methods},
    )
    run.write_certificate(certificate)
    return certificate


def _training(options: CertifyOptions, chosen: Chosen) -> list[Path]:
    """The training films but those that are measured."""
    measured = {film.file.resolve() for film in chosen.films}
    training = list_splits(options.data_dirs, options.roots).get("train", [])
    return [path for example in training if (path := example.path.resolve()) not in measured]


def _at_size(films: Sequence[MarkedFilm], boxes: Mapping[Path, Sequence[Box]], size: int) -> list[MarkedFilm]:
    """The same films as a model of another image size sees them."""
    marks = Marks("boxes", boxes)
    found = []
    for film in films:
        xray = read_film(film.file, size)
        found.append(replace(film, x=xray.tensor, region=marks.region(film.file.resolve(), xray, size)))
    return found


def _drawn_by(method: str) -> Draw:
    def draw(network: CoroNet, films: Sequence[MarkedFilm], seed: int) -> list[np.ndarray]:
        options = parse_options({"method": method, "seed": seed, "score_steps": FEW_SCORES})
        return [found.heatmap for found in explain_films(network, films, options, f"Certifying {method}")]

    return draw


def _settings(method: str) -> dict[str, str]:
    """The method's default options, as text: what the certificate is of."""
    return {name: str(value) for name, value in asdict(parse_options({"method": method}).settings).items()}
