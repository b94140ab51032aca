"""Validation patients: how many, which, and never on both sides."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from model_src.errors import DataError
from train.data.data_dir import read_data_dir
from train.data.examples import NOT_COVID, Example
from train.data.split import read_training_data, split_by_patient, without_patients_of


def example(patient: str, label: int, image: int = 0) -> Example:
    return Example(Path(f"{patient}-{label}-{image}.png"), label, patient, "")


def patients(examples: list[Example]) -> set[str]:
    return {example.patient for example in examples}


HUNDRED = [example(f"{label}/{n}", label, image) for label in range(3) for n in range(40) for image in range(2)]


def test_each_class_gives_its_share_of_patients_with_all_their_images() -> None:
    train, validation = split_by_patient(HUNDRED, fraction=0.1, seed=0)
    assert [sum(e.label == label for e in validation) for label in range(3)] == [8, 8, 8]  # 4 patients, 2 images
    assert len(train) + len(validation) == len(HUNDRED)
    assert not patients(train) & patients(validation)
    assert train == [e for e in HUNDRED if e not in validation]  # in the order they came


def test_the_seed_chooses_and_the_order_of_examples_does_not() -> None:
    _, first = split_by_patient(HUNDRED, 0.1, seed=0)
    shuffled = random.Random(1).sample(HUNDRED, len(HUNDRED))
    assert patients(split_by_patient(shuffled, 0.1, seed=0)[1]) == patients(first)
    assert patients(split_by_patient(HUNDRED, 0.1, seed=1)[1]) != patients(first)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_a_class_of_two_patients_has_one_on_each_side(fraction: float) -> None:
    examples = [example(f"{label}/{n}", label) for label in range(3) for n in range(2)]
    train, validation = split_by_patient(examples, fraction, seed=3)
    assert [sum(e.label == label for e in validation) for label in range(3)] == [1, 1, 1]
    assert len(train) == 3


def test_a_patient_with_images_of_two_classes_stays_whole() -> None:
    both = [example(f"both{n}", label) for n in range(4) for label in (0, 1)]
    examples = [*both, *(example(f"{label}/{n}", label) for label in range(3) for n in range(4))]
    for seed in range(20):
        train, validation = split_by_patient(examples, 0.25, seed)
        assert not patients(train) & patients(validation)
        assert {e.label for e in train} == {e.label for e in validation} == {0, 1, 2}


def test_one_patient_is_too_few() -> None:
    examples = [e for e in HUNDRED if e.label != 2 or e.patient == "2/0"]
    with pytest.raises(DataError, match=r"COVID-19: found 1 patient\(s\), need at least 2"):
        split_by_patient(examples, 0.1, seed=0)


def test_patients_of_several_classes_are_divided_or_the_reason_is_told() -> None:
    # Healthy has no patient of its own: where the one validation patient of each other class is not among its
    # four, none is left for it.
    examples = [*(example(p, 1) for p in "abc"), *(example(p, 2) for p in "def"), *(example(p, 0) for p in "bcef")]
    reasons = []
    for seed in range(30):
        try:
            train, validation = split_by_patient(examples, 0.25, seed)
        except DataError as error:
            reasons.append(str(error))
        else:
            assert {e.label for e in train} == {e.label for e in validation} == {0, 1, 2}
    assert 0 < len(reasons) < 30
    assert all("Healthy: its 4 patients also belong to other classes and cannot" in reason for reason in reasons)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fraction_out_of_range(fraction: float) -> None:
    with pytest.raises(DataError, match="need a number between 0 and 1"):
        split_by_patient(HUNDRED, fraction, seed=0)


def test_without_patients_of_keeps_the_order() -> None:
    examples = [example("a", 0), example("b", 0), example("a", 1)]
    kept, left_out = without_patients_of(examples, [example("b", 2)])
    assert kept == [examples[0], examples[2]]
    assert left_out == [examples[1]]


def test_a_patient_is_known_by_the_name_that_collections_have_in_common() -> None:
    # NIH's own name of its patient 1280, and the name with a prefix.
    kept, left_out = without_patients_of([example("00001280", 0), example("00001281", 0)], [example("nih:1280", 2)])
    assert patients(left_out) == {"00001280"}
    assert patients(kept) == {"00001281"}


def write_labels(folder: Path, split: str, patients_of: dict[str, str]) -> None:
    lines = []
    for label, names in patients_of.items():
        for name in names.split():
            (folder / f"{name}-{label}.png").write_bytes(b"")
            lines.append(f"{name} {name}-{label}.png {label}")
    (folder / f"{split}.txt").write_text("\n".join(lines))


def test_training_leaves_out_the_patients_of_the_test_split(tmp_path: Path) -> None:
    write_labels(tmp_path, "train", {"normal": "a b c", "pneumonia": "d e", "COVID-19": "f g"})
    write_labels(tmp_path, "test", {"normal": "x", "pneumonia": "b", "COVID-19": "y"})
    data = read_training_data(tmp_path, fraction=0.5, seed=0)
    assert patients(data.left_out) == {"b"}
    assert patients(data.train) | patients(data.validation) == {"a", "c", "d", "e", "f", "g"}
    assert not patients(data.train) & patients(data.validation)


def test_films_that_are_not_covid_leave_out_the_patients_that_metadata_tells(tmp_path: Path) -> None:
    write_labels(tmp_path, "train", {"normal": "a b c", "pneumonia": "d e", "COVID-19": "f g"})
    write_labels(tmp_path, "test", {"normal": "x", "pneumonia": "y", "COVID-19": "z"})
    known = {"9f2c": "y", "44ab": "stranger", "7d01": "x"}  # file names that say nothing of a patient
    for name in (*known, "e5e5"):
        (tmp_path / f"{name}.png").touch()
    (tmp_path / "fibrosis.txt").write_text("".join(f"{name}.png\n" for name in (*known, "e5e5")))
    rows = [f"{name}.png,{patient},AP" for name, patient in known.items()]
    (tmp_path / "metadata.csv").write_text("\n".join(["path,patient,view", *rows]))
    data = read_training_data(tmp_path, fraction=0.5, seed=0, not_covid=[tmp_path / "fibrosis.txt"])
    taken = [(e.path.stem, e.patient, e.view) for e in data.train if e.label == NOT_COVID]
    assert taken == [("44ab", "stranger", "AP"), ("e5e5", "e5e5", "")]
    assert [e.path.stem for e in data.left_out] == ["9f2c", "7d01"]


def test_a_validation_split_that_is_given_is_used_and_its_patients_are_not_trained_on(tmp_path: Path) -> None:
    write_labels(tmp_path, "train", {"normal": "a b", "pneumonia": "d e", "COVID-19": "f g"})
    write_labels(tmp_path, "val", {"normal": "v", "pneumonia": "e", "COVID-19": "w"})
    data = read_training_data(tmp_path, fraction=0.5, seed=0)
    assert [e.patient for e in data.validation] == ["v", "e", "w"]
    assert [e.patient for e in data.train] == ["a", "b", "d", "f", "g"]
    assert [e.patient for e in data.left_out] == ["e"]


def test_a_class_that_loses_all_its_training_patients_is_named(tmp_path: Path) -> None:
    write_labels(tmp_path, "train", {"normal": "a b", "pneumonia": "d e", "COVID-19": "f g"})
    write_labels(tmp_path, "val", {"normal": "v", "pneumonia": "w", "COVID-19": "f"})
    write_labels(tmp_path, "test", {"normal": "x", "pneumonia": "y", "COVID-19": "g"})
    with pytest.raises(DataError, match=r"all training images of COVID-19 are of patients in the validation or test"):
        read_training_data(tmp_path, fraction=0.5, seed=0)


def test_validation_patients_in_the_test_split_are_refused(tmp_path: Path) -> None:
    write_labels(tmp_path, "train", {"normal": "a", "pneumonia": "b", "COVID-19": "c"})
    write_labels(tmp_path, "val", {"normal": "d", "pneumonia": "e", "COVID-19": "f"})
    write_labels(tmp_path, "test", {"normal": "g", "pneumonia": "e", "COVID-19": "h"})
    with pytest.raises(DataError, match=r"1 of 3 validation images are of patients in the test split .*patient e\)"):
        read_training_data(tmp_path, fraction=0.2, seed=0)


def test_real_patients_are_kept_apart(shared_data: Path) -> None:
    data = read_training_data(shared_data / "cxr512", fraction=0.15, seed=0)
    assert patients(data.left_out) == {"00002288", "00003248", "00003392"}  # in both label files as published
    assert not patients(data.train) & patients(data.validation)


def test_no_film_of_a_test_patient_is_trained_on_as_not_covid(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "covidx128"
    films = sorted(film.name for film in (folder / "other/fibrosis").iterdir())
    listed = tmp_path / "fibrosis.txt"
    listed.write_text("\n".join(f"other/fibrosis/{name}" for name in films))
    data = read_training_data(folder, fraction=0.1, seed=0, not_covid=[listed])
    in_test = patients(read_data_dir(folder, "test"))
    others = [e for e in data.train if e.label == NOT_COVID]
    assert len(others) + len(data.left_out) == len(films)
    assert patients(data.left_out) <= in_test
    assert data.left_out  # there are such patients
    assert not patients(data.train) & in_test


def test_a_file_name_that_is_no_utf_8_is_dealt_out_like_any_other() -> None:
    latin = "M\udcfcller"  # how Python gives the byte 0xFC of a name in Latin-1
    train, validation = split_by_patient([*HUNDRED, example(latin, 0)], 0.1, seed=0)
    assert latin in patients(train) | patients(validation)
