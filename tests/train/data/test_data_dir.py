"""Every form of DATA_DIR, read from a few tiny files whose content is spelled out here."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_src.classes import COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.check import check_data
from train.data.data_dir import describe_data, list_splits, read_collection, read_data_dir
from train.data.examples import Example, class_counts

LINES = "p1 a.png normal\np2 b.png pneumonia\np3 c.png COVID-19\n"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def one_of_each(folder: Path) -> None:
    touch(folder, "Healthy/h.png", "Pneumonia/p.png", "COVID-19/c.png")


def paths(examples: list[Example], below: Path) -> list[str]:
    return [example.path.relative_to(below).as_posix() for example in examples]


def test_class_folders_without_splits_are_training_data(tmp_path: Path) -> None:
    touch(tmp_path, "Healthy/b.png", "Healthy/a.png", "Pneumonia/deep/p.dcm", "COVID-19/c.jpg")
    examples = read_data_dir(tmp_path, "train")
    assert paths(examples, tmp_path) == ["Healthy/a.png", "Healthy/b.png", "Pneumonia/deep/p.dcm", "COVID-19/c.jpg"]
    assert [example.label for example in examples] == [HEALTHY, HEALTHY, PNEUMONIA, COVID]
    assert read_data_dir(tmp_path, "all") == examples
    with pytest.raises(DataError, match=r"has no test split, only train; .*--split all"):
        read_data_dir(tmp_path, "test")


def test_class_folders_under_splits_and_by_their_lower_case_names(tmp_path: Path) -> None:
    one_of_each(tmp_path / "train")
    touch(tmp_path / "val", "healthy/h.png", "pneumonia/p.png", "covid/c.png")
    one_of_each(tmp_path / "test")
    assert list(list_splits(tmp_path)) == ["train", "validation", "test"]
    assert paths(read_data_dir(tmp_path, "validation"), tmp_path / "val") == [
        "healthy/h.png",
        "pneumonia/p.png",
        "covid/c.png",
    ]


def test_what_is_not_an_image_is_passed_over_in_class_folders(tmp_path: Path) -> None:
    one_of_each(tmp_path)
    touch(tmp_path, "Healthy/notes.txt", "Healthy/.hidden.png", "Healthy/.cache/x.png", "masks/Healthy/m.png")
    assert paths(read_data_dir(tmp_path, "train"), tmp_path) == ["Healthy/h.png", "Pneumonia/p.png", "COVID-19/c.png"]


def test_the_same_name_in_two_folders_is_two_patients_but_an_nih_number_is_one(tmp_path: Path) -> None:
    touch(tmp_path / "train", "Healthy/1.png", "Pneumonia/1.png", "COVID-19/00001389_001.png")
    touch(tmp_path / "test", "Healthy/1.png", "Pneumonia/00001389_002.png", "COVID-19/1.png")
    patients = [example.patient for example in read_data_dir(tmp_path, "all")]
    assert patients == [
        "train/Healthy/1",
        "train/Pneumonia/1",
        "00001389",
        "test/Healthy/1",
        "00001389",
        "test/COVID-19/1",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Healthy/h.png", r"no images of Pneumonia and COVID-19 in the train split"),
        ("Tuberculosis/t.png", r"holds no data: need label files .* found Tuberculosis$"),
    ],
)
def test_a_class_without_images_is_named(tmp_path: Path, name: str, message: str) -> None:
    touch(tmp_path, name)
    with pytest.raises(DataError, match=message):
        read_data_dir(tmp_path, "train")


def test_class_folders_both_ways_are_refused(tmp_path: Path) -> None:
    one_of_each(tmp_path)
    one_of_each(tmp_path / "test")
    with pytest.raises(DataError, match="both directly and under test"):
        read_data_dir(tmp_path, "test")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_data_dir(tmp_path / "nowhere", "train")


def test_covidx_lines_with_three_and_four_columns_and_spaces_in_paths(tmp_path: Path) -> None:
    (tmp_path / "train_x.txt").write_text(
        "7 a.png normal\n\n8 my  pneumonia film.png pneumonia rsna\r\n9 sub/c normal.png COVID-19 cohen\n"
    )
    touch(tmp_path, "a.png", "my  pneumonia film.png", "sub/c normal.png")
    assert read_data_dir(tmp_path, "train") == [
        Example(tmp_path / "a.png", HEALTHY, "7", ""),
        Example(tmp_path / "my  pneumonia film.png", PNEUMONIA, "8", "rsna"),
        Example(tmp_path / "sub/c normal.png", COVID, "9", "cohen"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p4 d.png tuberculosis", r"train\.txt, line 4: unknown label 'tuberculosis', need one of normal, pneum"),
        ("p4 d.png normal-ish rsna", r"line 4: unknown label 'normal-ish'"),
        ("p4 normal", r"line 4: found 'p4 normal', need `patient-id path label \[source\]`"),
        ("p4 d.png positive ricord", r"line 4: a two-class label file"),
        ("p4 d.png negative", r"line 4: a two-class label file .* 9A"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "train.txt").write_text(LINES + line)
    with pytest.raises(DataError, match=message):
        read_data_dir(tmp_path, "train")


def test_label_files_come_before_class_folders_and_a_file_stands_for_its_set(tmp_path: Path) -> None:
    one_of_each(tmp_path)
    touch(tmp_path, "a.png", "b.png", "c.png")
    for name in ("train_v1.txt", "test_v1.txt", "test_v2.txt"):
        (tmp_path / name).write_text(LINES)
    with pytest.raises(DataError, match=r"2 label files for test: test_v1\.txt, test_v2\.txt"):
        read_data_dir(tmp_path, "train")
    assert list(list_splits(tmp_path / "test_v1.txt")) == ["train", "test"]
    assert list(list_splits(tmp_path / "test_v2.txt")) == ["test"]
    assert paths(read_data_dir(tmp_path / "train_v1.txt", "test"), tmp_path) == ["a.png", "b.png", "c.png"]


def test_images_are_looked_up_in_roots_in_order_then_beside_the_file_and_in_split_folders(tmp_path: Path) -> None:
    labels, one, two = tmp_path / "labels", tmp_path / "one", tmp_path / "two"
    touch(labels, "a.png", "b.png", "test/c.png")
    touch(one, "a.png", "train/b.png")
    touch(two, "a.png", "b.png", "c.png")
    (labels / "train.txt").write_text(LINES)
    found = [example.path for example in read_data_dir(labels, "train", [one])]
    assert found == [one / "a.png", one / "train/b.png", labels / "test/c.png"]
    found = [example.path for example in read_data_dir(labels, "train", [two, one])]
    assert found == [two / "a.png", two / "b.png", two / "c.png"]


def test_missing_images_are_counted_and_named_unless_the_caller_deals_with_them(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(LINES)
    touch(tmp_path, "b.png")
    with pytest.raises(DataError, match=r"2 of 3 images are missing: .*a\.png, .*c\.png; .*--roots"):
        read_data_dir(tmp_path, "train")
    assert len(read_data_dir(tmp_path, "train", missing_ok=True)) == 3
    with pytest.raises(DataError, match="is not a folder"):
        read_data_dir(tmp_path, "train", [tmp_path / "train.txt"])


def test_a_csv_with_its_optional_columns(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "\ufeffLabel,path,patient,split,source\n"
        "normal,a.png,7,train,nih\n"
        'Pneumonia,"b, c.png",8,,\n'
        "covid,00001389_000.png,,test,cohen\n",
        encoding="utf-8",
    )
    touch(tmp_path, "a.png", "b, c.png", "00001389_000.png")
    assert list_splits(tmp_path) == {
        "train": [
            Example(tmp_path / "a.png", HEALTHY, "7", "nih"),
            Example(tmp_path / "b, c.png", PNEUMONIA, "8", ""),
        ],
        "test": [Example(tmp_path / "00001389_000.png", COVID, "00001389", "cohen")],
    }
    assert list_splits(tmp_path / "labels.csv") == list_splits(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line must name the columns path and label"),
        ("image,label\na.png,normal\n", "found image, label"),
        ("path,label\na.png,flu\n", "line 2: unknown label 'flu'"),
        ("path,label\na.png,positive\n", "line 2: a two-class label file"),
        ("path,label,split\na.png,normal,spare\n", "line 2: unknown split 'spare'"),
        ("path,label\n,normal\n", "line 2: the path is empty"),
    ],
)
def test_a_bad_csv_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list_splits(tmp_path)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match="cannot be read as UTF-8 text"):
        list_splits(tmp_path)


def test_describe_data_counts_and_says_what_phantoms_are(tmp_path: Path) -> None:
    one_of_each(tmp_path / "set" / "train")
    touch(tmp_path / "set" / "train", "Healthy/h2.png")
    assert describe_data(tmp_path / "set") == {
        "name": "set",
        "kind": "x-rays",
        "counts": {"train": {"Healthy": 2, "Pneumonia": 1, "COVID-19": 1}},
        "patients": {"train": 4},
    }
    touch(tmp_path / "set", "phantoms.json")
    assert describe_data(tmp_path / "set")["kind"] == "phantoms"
    assert describe_data(tmp_path / "set" / "train")["kind"] == "phantoms"


def test_covidx_version_1_as_published(shared_data: Path) -> None:
    splits = list_splits(shared_data / "covidx_labels" / "train_COVIDx.txt")
    assert class_counts(splits["train"]) == {"Healthy": 7966, "Pneumonia": 8514, "COVID-19": 66}
    assert class_counts(splits["test"]) == {"Healthy": 100, "Pneumonia": 100, "COVID-19": 10}


def test_covidx_version_9_as_published(shared_data: Path) -> None:
    labels = shared_data / "covidx_labels"
    test = list_splits(labels / "test_COVIDx9A.txt")["test"]
    assert class_counts(test) == {"Healthy": 100, "Pneumonia": 100, "COVID-19": 200}
    assert {example.source for example in test} == {"ricord", "rsna"}
    with pytest.raises(DataError, match=r"test_COVIDx9B\.txt, line 1: a two-class label file"):
        list_splits(labels / "test_COVIDx9B.txt")


def test_a_list_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n")
    with pytest.raises(DataError, match=r"read as a table \(labels\.csv\): found no image, need labelled X-rays"):
        read_collection(tmp_path)


def test_a_collection_of_other_findings_alone_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "Data_Entry.csv").write_text("Image Index,Finding Labels,Patient ID\n1_000.png,Hernia,1\n")
    with pytest.raises(DataError, match=r"found no image, 1 left out \(findings other than pneumonia\), need"):
        read_collection(tmp_path)


def test_a_name_too_long_for_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"path,label\n{'a' * 300}.png,normal\nb,pneumonia\nc,COVID-19\n")
    with pytest.raises(DataError, match="3 of 3 images are missing"):
        read_data_dir(tmp_path, "train")
    assert len(check_data(tmp_path).missing) == 3
