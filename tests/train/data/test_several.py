"""Several DATA_DIRs as one, metadata beside label files, patients' common names, radiologists' reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_src.classes import COVID, HEALTHY, PHANTOMS_FILE, PNEUMONIA
from model_src.errors import DataError
from train.data.data_dir import describe_data, list_splits, read_collection, read_data_dir
from train.data.examples import Example
from train.data.patients import patient_name
from train.data.reads import read_reads
from train.data.several import as_paths
from train.data.split import read_training_data

LABELS = ("normal", "pneumonia", "COVID-19")


def covidx(folder: Path, size: int = 8, **lines: list[str]) -> Path:
    """A folder with label files, and an image for each line; `lines` are `patient path label [source]` by split."""
    folder.mkdir()
    for split, rows in lines.items():
        (folder / f"{split}.txt").write_text("\n".join(rows) + "\n")
        for row in rows:
            Image.fromarray(np.zeros((size, size), np.uint8)).save(folder / row.split()[1])
    return folder


def three(prefix: str, patients: int = 4) -> list[str]:
    """Lines of `patients` patients for each class, one image each."""
    return [
        f"{prefix}{c}{n} {prefix}{c}{n}.png {label} hosp" for c, label in enumerate(LABELS) for n in range(patients)
    ]


@pytest.mark.parametrize(
    ("patient", "source", "path", "name"),
    [
        ("nih:1280", "rsna", "a.jpg", "nih:1280"),
        ("NIH:00001280", "", "a.jpg", "nih:1280"),
        ("00001280", "nih", "00001280_004.jpg", "nih:1280"),
        ("00001280", "", "00001280_004.jpg", "nih:1280"),
        ("1280", "nih", "a.jpg", "nih:1280"),
        ("cohen:19", "cohen", "a.jpg", "cohen:19"),
        ("12", "cohen", "a.jpg", "cohen:12"),
        ("a", "cohen", "a.jpg", "here/a"),
        ("p7", "", "a.jpg", "p7"),
    ],
)
def test_a_patient_has_one_name_in_all_directories(patient: str, source: str, path: str, name: str) -> None:
    assert patient_name(Example(Path("/data") / path, 0, patient, source), "here") == name


def test_a_test_patient_of_one_directory_is_in_no_training_of_another(tmp_path: Path) -> None:
    a = covidx(tmp_path / "a", train=[*three("a"), "00001280 x.png normal nih"], test=three("t", 1))
    b = covidx(tmp_path / "b", test=["nih:1280 y.png normal rsna"])  # no training film, no other class
    data = read_training_data([a, b], fraction=0.25, seed=0)
    assert [example.path.name for example in data.left_out] == ["x.png"]
    alone = read_training_data(a, fraction=0.25, seed=0)
    assert not alone.left_out
    names = {example.patient for example in [*data.train, *data.validation]}
    assert len(names) == 12
    assert "nih:1280" not in names


def test_two_directories_are_one_set(tmp_path: Path) -> None:
    a = covidx(tmp_path / "a", train=["1 a.png normal", "2 b.png pneumonia"])
    b = covidx(tmp_path / "b", train=["1 c.png COVID-19 hosp"])
    assert [(e.path.name, e.patient) for e in read_data_dir([a, b], "train")] == [
        ("a.png", "1"), ("b.png", "2"), ("c.png", "hosp:1"),
    ]  # fmt: skip
    described = describe_data([a, b])
    assert (described["name"], described["patients"]) == ("a + b", {"train": 3})
    assert described["counts"] == {"train": {"Healthy": 1, "Pneumonia": 1, "COVID-19": 1}}


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    a = covidx(tmp_path / "a", train=three("a"), test=three("t", 1))
    b = covidx(tmp_path / "b", train=["1 c.png normal"])
    with pytest.raises(DataError, match="given 2 times"):
        as_paths([a, tmp_path / "b" / ".." / "a"])
    with pytest.raises(DataError, match=r"b has no test split, only train"):
        read_data_dir([a, b], "test")
    with pytest.raises(DataError, match=r"a and .*train.txt: 15 films are in both \(first: .*a00.png\)"):
        read_collection([a, a / "train.txt"])
    v = covidx(tmp_path / "v", train=three("v"), val=three("w", 1))
    with pytest.raises(DataError, match=r"a: has training films and no validation split, as another directory has"):
        read_training_data([a, v], fraction=0.25, seed=0)
    (b / PHANTOMS_FILE).write_text("{}")
    with pytest.raises(DataError, match=r"b: generated phantoms, .*a: X-rays; use one kind alone"):
        read_collection([a, b])
    c, d = (covidx(tmp_path / name, train=[f"9 {name}.png normal"]) for name in "cd")
    with pytest.raises(DataError, match=r"c and .*d: .* no images of Pneumonia and COVID-19 in the train split"):
        read_data_dir([c, d], "train")


def test_films_of_unlike_size_are_said(tmp_path: Path) -> None:
    a = covidx(tmp_path / "a", size=8, train=three("a"))
    b = covidx(tmp_path / "b", size=32, train=three("b"))
    (note,) = read_collection([a, b]).notes
    assert "(shorter side at the median, pixels: a 8, b 32)" in note
    assert not read_collection([a, covidx(tmp_path / "c", size=10, train=three("c"))]).notes


def test_metadata_fills_in_what_the_label_file_leaves_open(tmp_path: Path) -> None:
    folder = covidx(tmp_path / "a", train=["1 a.png normal nih", "b b.png pneumonia", "c c.png COVID-19"])
    (folder / "metadata.csv").write_text(
        "path,source,patient,view,age,sex,scanner,class\n"
        "a.png,rsna,9,PA,58,F,x,normal\nb.png,rsna,nih:7,?,200,?,y,normal\nother.png,x,1,,,,,\n"
    )
    collection = read_collection(folder)
    a, b, c = collection.splits["train"]
    assert (a.source, a.patient, a.view, a.age, a.sex) == ("nih", "1", "PA", 58, "F")  # the label file's word counts
    assert (b.source, b.patient, b.view, b.age, b.sex) == ("rsna", "nih:7", "", None, "")  # its patient was its name
    assert c.facts == Example(Path("c.png"), COVID, "c", "").facts
    assert collection.notes == (
        "columns of metadata.csv that mean nothing here: scanner",
        "in metadata.csv the class of 1 films is another than in the label file, whose word is taken",
        "in metadata.csv the source of 1 films is another than in the label file, whose word is taken",
        "in metadata.csv the patient of 1 films is another than in the label file, whose word is taken",
        "of 1 of 3 films metadata.csv says nothing",
    )


def test_metadata_without_what_subgroups_are_made_of_says_so(tmp_path: Path) -> None:
    folder = covidx(tmp_path / "a", train=["1 a.png normal nih", "b b.png pneumonia", "c c.png COVID-19"])
    for columns, said in (
        ("path,view,age,sex", ()),
        ("path,view,source", ("metadata.csv has no column age or sex: what it leaves open is counted as unknown",)),
    ):
        lines = [columns, *(f"{name}.png" + "," * columns.count(",") for name in "abc")]
        (folder / "metadata.csv").write_text("\n".join(lines))
        assert read_collection(folder).notes == said


def test_metadata_of_class_folders_names_patients(tmp_path: Path) -> None:
    for label in ("Healthy", "Pneumonia", "COVID-19"):
        (tmp_path / "train" / label).mkdir(parents=True)
        for name in "xy":
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "train" / label / f"{name}.png")
    rows = [f"{label}/{name}.png,p-{label}" for label in ("Healthy", "Pneumonia", "COVID-19") for name in "xy"]
    (tmp_path / "metadata.csv").write_text("\n".join(["path,patient", *rows]))
    assert [e.patient for e in list_splits(tmp_path)["train"]][:3] == ["p-Healthy", "p-Healthy", "p-Pneumonia"]


def test_metadata_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    folder = covidx(tmp_path / "a", train=three("a"))
    (folder / "metadata.csv").write_text("file,view\na.png,PA\n")
    with pytest.raises(DataError, match=r"metadata.csv: has no column path; need path, split, class"):
        read_collection(folder)
    (folder / "metadata.csv").write_text("path,view\na00.png,PA\na00.png,AP\n")
    with pytest.raises(DataError, match=r"metadata.csv, line 3: says of a00.png what an earlier line does not"):
        read_collection(folder)


def test_reads_correct_training_labels_and_leave_out_what_is_neither(tmp_path: Path) -> None:
    folder = covidx(tmp_path / "a", train=three("a"), test=three("t", 1))
    reads = tmp_path / "reads.csv"
    reads.write_text(
        "path,radiologist_read\na00.png,Lung Opacity\na01.png,Normal\na10.png,Normal\na11.png,Lung Opacity\n"
        "a12.png,No Lung Opacity / Not Normal\na20.png,Normal\nt00.png,Lung Opacity\na13.png,\n"
    )
    data = read_training_data(folder, fraction=0.25, seed=0, reads=reads)
    labels = {e.path.name: e.label for e in [*data.train, *data.validation]}
    assert (labels["a00.png"], labels["a10.png"], labels["a20.png"]) == (PNEUMONIA, HEALTHY, COVID)
    assert "a12.png" not in labels
    found = data.corrected
    assert found is not None
    assert found.changed == {"Healthy to Pneumonia": 1, "Pneumonia to Healthy": 1}
    assert (found.left_out, found.confirmed, found.covid_kept) == ({"Pneumonia": 1}, 2, 1)
    assert "labels changed: 1 Healthy to Pneumonia, 1 Pneumonia to Healthy; left out" in found.sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,verdict\na.png,Normal\n", "need a table with the columns path and radiologist_read"),
        ("path,read\na.png,Cardiomegaly\n", "line 2: found 'Cardiomegaly', need one of normal"),
        ("path,read\na.png,Normal\na.png,Opacity\n", "line 3: reads a.png as an earlier line does not"),
        ("path,read\na.png,\n", "no film has a read"),
    ],
)
def test_reads_that_cannot_be_used_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "reads.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_reads(tmp_path / "reads.csv")


def test_reads_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; give a table"):
        read_reads(tmp_path)


def test_reads_of_other_films_are_refused(tmp_path: Path) -> None:
    (tmp_path / "reads.csv").write_text("path,read\nelsewhere.png,Normal\n")
    with pytest.raises(DataError, match="its 1 reads are of none of the 12 films"):
        read_training_data(
            covidx(tmp_path / "a", train=three("a")), fraction=0.25, seed=0, reads=tmp_path / "reads.csv"
        )


def test_real_directories_share_no_patient(shared_data: Path) -> None:
    both = [shared_data / "covidx128", shared_data / "cxr512"]
    if not both[0].is_dir():
        pytest.skip("real X-rays (../shared/data) are not on this machine")
    data = read_training_data(both, fraction=0.1, seed=0, reads=both[1] / "radiologist_read.csv")
    test = {example.patient for example in read_data_dir(both, "test")}
    assert not test & {example.patient for example in [*data.train, *data.validation]}
    assert "nih:1280" in {example.patient for example in [*data.train, *data.validation]}
    assert data.corrected is not None
    assert data.corrected.changed == {"Healthy to Pneumonia": 3, "Pneumonia to Healthy": 32}
