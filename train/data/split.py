"""Training and validation data, told apart by patient.

Two X-rays of one patient are near copies; with one in training and the other in validation or test, a network
is praised for its memory. So patients, never images, are dealt out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_src.classes import CLASS_NAMES
from model_src.errors import DataError
from train.data.data_dir import folder_of, list_splits, read_collection, read_data_dir
from train.data.examples import NOT_COVID, Example, class_counts
from train.data.not_covid import read_not_covid
from train.data.patients import patient_name
from train.data.reads import Corrected, corrected, read_reads
from train.data.several import DataDirs, as_paths, listed


@dataclass(frozen=True)
class TrainingData:
    """What to train on, what to select on, and what was left out because its patient is in the test split.

    Attributes:
        corrected: what radiologists' reads did, where there are any.
        notes: what a reader should know of how the data was read, one line each.
    """

    train: list[Example]
    validation: list[Example]
    left_out: list[Example]
    corrected: Corrected | None = None
    notes: tuple[str, ...] = ()


def read_training_data(
    data_dirs: DataDirs,
    roots: Sequence[str | os.PathLike[str]] = (),
    *,
    fraction: float,
    seed: int,
    missing_ok: bool = False,
    reads: Path | None = None,
    not_covid: Sequence[Path] = (),
) -> TrainingData:
    """Training and validation examples that share no patient with each other or with the test split.

    A validation split that the data brings is used as it is; otherwise `fraction` of the patients is set
    aside. Nothing is ever taken out of the test split, nor out of a validation split that was given. Of several
    directories, the test patients of each are left out of the training films of all.

    Args:
        data_dirs, roots, missing_ok: as for `read_data_dir`.
        reads: a table of radiologists' reads that correct training films' labels (train/data/reads.py).
        not_covid: folders or lists of training films that are only known not to be COVID-19 (not_covid.py).

    Raises:
        DataError: as `read_data_dir`, `split_by_patient`, `read_reads`, `corrected` and `read_not_covid`; a given
            validation split shares patients with test; or one directory has a validation split and another has none.
    """
    paths = as_paths(data_dirs)
    read = read_reads(reads) if reads else None
    collection = read_collection(paths, roots)
    test = collection.splits.get("test", [])
    train = read_data_dir(paths, "train", roots, missing_ok=missing_ok)
    found = None
    folders = [*map(Path, roots), *map(folder_of, paths)]
    others = read_not_covid(not_covid, folders)
    if read:
        train, found = corrected(train, read, folders)
    if "validation" in collection.splits:
        if len(paths) > 1:
            _require_validation_everywhere(paths, roots)
        validation = read_data_dir(paths, "validation", roots, missing_ok=missing_ok)
        _, in_test = without_patients_of(validation, test)
        if in_test:
            raise DataError(
                f"{listed(paths)}: {len(in_test)} of {len(validation)} validation images are of patients in the test "
                f"split (first: {in_test[0].path.name}, patient {in_test[0].patient}), on which nothing may be "
                "selected; take them out of one of the two"
            )
        kept, left_out = without_patients_of(train, [*validation, *test])
        if gone := [name for name, count in class_counts(kept).items() if count == 0]:
            raise DataError(
                f"{listed(paths)}: all training images of {' and '.join(gone)} are of patients in the validation or "
                "test split, and are left out; need some of other patients: add them, or move patients between the "
                "splits"
            )
        others, gone_too = without_patients_of(others, [*validation, *test])
        return TrainingData([*kept, *others], validation, [*left_out, *gone_too], found, collection.notes)
    kept, left_out = without_patients_of(train, test)
    train, validation = split_by_patient(kept, fraction, seed)
    others, gone_too = without_patients_of(others, [*validation, *test])
    return TrainingData([*train, *others], validation, [*left_out, *gone_too], found, collection.notes)


def _require_validation_everywhere(paths: Sequence[Path], roots: Sequence[str | os.PathLike[str]]) -> None:
    """Selecting weights on the films of one directory alone would select for that directory."""
    for path in paths:
        own = list_splits(path, roots)
        if "train" in own and "validation" not in own:
            raise DataError(
                f"{path}: has training films and no validation split, as another directory has; give every "
                "directory one, or none"
            )


def image_list(data: TrainingData) -> str:
    """Digest of which images train and validate, in order, with labels and patients, wherever their folder lies.

    Without the films that are only known not to be COVID-19, which have a digest of their own: the split is made again
    from the labelled films alone.
    """
    labelled = [example for example in data.train if example.label != NOT_COVID]
    return _listed_digest([("train", labelled), ("validation", data.validation)])


def not_covid_list(data: TrainingData) -> str | None:
    """Digest of the films that are only known not to be COVID-19; None where there are none."""
    films = [example for example in data.train if example.label == NOT_COVID]
    return _listed_digest([("train", films)]) if films else None


def _listed_digest(parts: Sequence[tuple[str, Sequence[Example]]]) -> str:
    lines = [
        f"{part}\t{example.label}\t{example.patient}\t{example.path.name}"
        for part, examples in parts
        for example in examples
    ]
    return _digest("\n".join(lines)).hex()[:16]


def _digest(text: str) -> bytes:
    """SHA-256 of a text, in which file names may be that are no UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def without_patients_of(examples: Sequence[Example], others: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """`examples` in two lists: those whose patient is not a patient of `others`, and those whose is.

    A patient is known by the name as it is given, and by the one that collections have in common (patients.py).
    """
    patients = {name for example in others for name in _names(example)}
    kept = [example for example in examples if patients.isdisjoint(_names(example))]
    left_out = [example for example in examples if not patients.isdisjoint(_names(example))]
    return kept, left_out


def _names(example: Example) -> set[str]:
    return {example.patient, patient_name(example, "")}


def split_by_patient(examples: Sequence[Example], fraction: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Set aside `fraction` of each class's patients for validation; each side keeps the order of `examples`.

    Classes are dealt out from the rarest to the commonest, each with its share rounded to whole patients, at
    least one on either side. Within a class, patients are ordered by a hash of seed and name, so that the
    result depends neither on the order of the examples nor, for most patients, on which others are there.

    Returns:
        (train, validation), without a patient in common.

    Raises:
        DataError: `fraction` outside (0, 1), or a class whose patients cannot be on both sides.
    """
    if not 0.0 < fraction < 1.0:
        raise DataError(f"validation fraction: found {fraction}, need a number between 0 and 1, such as 0.1")
    classes_of: dict[str, set[int]] = {}
    for example in examples:
        classes_of.setdefault(example.patient, set()).add(example.label)
    order = sorted(classes_of, key=lambda patient: _digest(f"{seed}/{patient}"))
    patients_of = {label: [p for p in order if label in classes_of[p]] for label in range(len(CLASS_NAMES))}

    in_validation: dict[str, bool] = {}
    for label, patients in sorted(patients_of.items(), key=lambda item: (len(item[1]), item[0])):
        if len(patients) < 2:
            raise DataError(
                f"{CLASS_NAMES[label]}: found {len(patients)} patient(s), need at least 2 to have one each "
                f"for training and validation; add patients, or give a validation split of your own"
            )
        wanted = min(max(round(fraction * len(patients)), 1), len(patients) - 1)
        wanted -= sum(in_validation.get(patient, False) for patient in patients)
        for patient in patients:
            if patient not in in_validation:
                in_validation[patient] = wanted > 0
                wanted -= 1

    for label, patients in patients_of.items():
        if len({in_validation[patient] for patient in patients}) < 2:
            raise DataError(
                f"{CLASS_NAMES[label]}: its {len(patients)} patients also belong to other classes and cannot "
                f"be divided; add patients, or give a validation split of your own"
            )
    train = [example for example in examples if not in_validation[example.patient]]
    validation = [example for example in examples if in_validation[example.patient]]
    return train, validation
