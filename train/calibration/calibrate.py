"""A trained CoroNet and its validation films -> the calibration of its answers."""

from __future__ import annotations

import numpy as np
import torch

from model_src.calibration.file import Calibration
from model_src.calibration.prediction_sets import LEVELS, lowest_probability
from model_src.calibration.reliability import count_answers
from model_src.calibration.scope import NO_CHEST, describe_pictures
from model_src.classes import CLASS_NAMES
from model_src.errors import DataError, RunError
from model_src.networks.coronet import CoroNet
from train.calibration.fit_scope import DescribedFilms, fit_scope
from train.calibration.not_chests import ALTERED, GENERATED, generate
from train.data.examples import class_counts
from train.data.image_cache import ImageCache
from train.progress import track
from train.runs.run_folder import RunFolder, load_model

ALTERED_FILMS = 500  # validation films that the gate sees altered, at most
GENERATED_EACH = 100  # generated pictures of each kind
_BATCH = 8


def calibrate_run(run: RunFolder, films: ImageCache, device: torch.device) -> Calibration:
    """Calibrate the run's selected weights on `films`, validation films none of which they were trained on.

    Writes RUN_DIR/calibration.json, whole.

    Raises:
        RunError: the run is unfinished, damaged, or a baseline; or an answer is not a number.
        DataError: a class without a film.
    """
    network = load_model(run, device)
    if not isinstance(network, CoroNet):
        raise RunError(f"{run.path}: holds a baseline; only CoroNet runs are calibrated")
    counts = class_counts(films.examples)
    if empty := [name for name, count in counts.items() if not count]:
        raise DataError(
            f"calibration: found {', '.join(f'{count} {name}' for name, count in counts.items())} validation films, "
            f"need some of {' and '.join(empty)}: add films of other patients than those trained on"
        )
    probabilities, described = _answers(network, films, device)
    truth = np.array([example.label for example in films.examples])
    predicted = probabilities.argmax(1)
    calibration = Calibration(
        weights=run.weights_digests(),
        films=counts,
        patients=len({example.patient for example in films.examples}),
        lowest_probability={
            str(level): tuple(
                lowest_probability(probabilities[truth == label, label], level) for label in range(len(CLASS_NAMES))
            )
            for level in LEVELS
        },
        reliability={
            name: tuple(count_answers(probabilities[predicted == label, label], (truth == label)[predicted == label]))
            for label, name in enumerate(CLASS_NAMES)
        },
        scope=fit_scope(described),
    )
    run.write_calibration(calibration)
    return calibration


def _answers(network: CoroNet, films: ImageCache, device: torch.device) -> tuple[np.ndarray, DescribedFilms]:
    """Probabilities (N, 3) of all films, and what their scope is fitted to."""
    probabilities, descriptions = [], []
    batches = np.array_split(np.arange(len(films)), max(1, len(films) // _BATCH))
    for batch in track(batches, len(films), "Calibrating", count=len):
        x = films.tensor(batch)
        found = network.classify(x.to(device))
        summary = found.summary
        if summary is None or not found.probabilities.isfinite().all():
            raise RunError("the model's answer for a validation film is not a number; train it again")
        probabilities.append(found.probabilities.cpu())
        descriptions.append(torch.cat([describe_pictures(x), summary.float().cpu()], 1))
    others, kinds, made_from = _others(films)
    patients = [example.patient for example in films.examples]
    described = DescribedFilms(torch.cat(descriptions).numpy(), patients, others, kinds, made_from)
    return torch.cat(probabilities).double().numpy(), described


def _others(films: ImageCache) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Descriptions, kinds and origins of pictures that are no frontal chest film."""
    chosen = np.random.default_rng(0).permutation(len(films))[:ALTERED_FILMS]
    pictures, kinds, made_from = [], [], []
    for index in chosen.tolist():
        film = films.tensor([index])[0, 0].numpy()
        altered = np.stack([alter(film) for _, alter in ALTERED.values()])
        pictures.append(_described(altered))
        kinds += [kind for kind, _ in ALTERED.values()]
        made_from += [index] * len(ALTERED)
    for name in GENERATED:
        drawn = np.stack([generate(name, seed, films.image_size) for seed in range(GENERATED_EACH)])
        pictures.append(_described(drawn))
        kinds += [NO_CHEST] * GENERATED_EACH
        made_from += [-1] * GENERATED_EACH
    return np.concatenate(pictures), np.array(kinds), np.array(made_from)


def _described(pictures: np.ndarray) -> np.ndarray:
    """(N, S, S) -> float32 (N, PICTURE_LENGTH)."""
    return describe_pictures(torch.from_numpy(pictures.astype(np.float32)).unsqueeze(1)).numpy()
