"""Collections as people unpack them: what is read, whose image it is, and what is left out and why."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from model_src.classes import COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.data_dir import list_splits, read_collection, read_data_dir
from train.data.examples import patient_in_name
from train.data.files import images_below


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(folder: Path, split: str) -> list[tuple[str, int, str]]:
    """(path below the folder, label, patient) of each example."""
    return [(e.path.relative_to(folder).as_posix(), e.label, e.patient) for e in list_splits(folder)[split]]


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("Healthy/00001389_001.png", "00001389"),
        ("train/PNEUMONIA/person12_virus_3.jpeg", "person12"),
        ("person12_bacteria_7.jpeg", "person12"),
        ("NORMAL/IM-0115-0001.jpeg", "IM-0115"),
        ("NORMAL/NORMAL2-IM-0427-0001-0002.jpeg", "NORMAL2-IM-0427"),
        ("Healthy/1.2.840.5.1", "Healthy/1.2.840.5.1"),
        ("Healthy/1.2.840.5.2", "Healthy/1.2.840.5.2"),
        ("Healthy/1.2.840.5.2.dcm", "Healthy/1.2.840.5.2"),
        ("COVID/COVID-5.png", "COVID/COVID-5"),
        ("person12.png", "person12"),
    ],
)
def test_patients_in_names(path: str, patient: str) -> None:
    assert patient_in_name(path) == patient


@pytest.mark.parametrize("there", [True, False])
def test_covidx_7a_ids_hold_a_space_whether_or_not_the_images_are_there(tmp_path: Path, there: bool) -> None:
    (tmp_path / "train_COVIDx7A.txt").write_text(
        "COVID 1 COVID(1).png COVID-19 sirm\nCOVID 2 COVID(2).png COVID-19 sirm\np1 my film.png normal\n"
    )
    if there:
        touch(tmp_path, "train/COVID(1).png", "train/COVID(2).png", "train/my film.png")
    below = "train/" if there else ""
    assert listed(tmp_path, "train") == [
        (f"{below}COVID(1).png", COVID, "COVID 1"),
        (f"{below}COVID(2).png", COVID, "COVID 2"),
        (f"{below}my film.png", HEALTHY, "p1"),
    ]


def test_a_path_that_is_there_decides_where_the_patient_ends(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a b c.png normal\n")
    touch(tmp_path, "c.png")
    assert listed(tmp_path, "train") == [("c.png", HEALTHY, "a b")]
    touch(tmp_path, "b c.png")
    assert listed(tmp_path, "train") == [("b c.png", HEALTHY, "a")]


def test_kermany_names_what_it_has_and_finds_a_child_on_both_sides(tmp_path: Path) -> None:
    root = tmp_path / "chest_xray"
    touch(root / "train", "NORMAL/IM-0115-0001.jpeg", "PNEUMONIA/person1_bacteria_1.jpeg")
    touch(root / "test", "NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_virus_6.jpeg")
    for folder in (tmp_path, root):
        assert {e.patient for e in list_splits(folder)["train"]} == {"IM-0115", "person1"}
        assert {e.patient for e in list_splits(folder)["test"]} == {"IM-0001", "person1"}
        said = (
            "Kermany's chest_xray .NORMAL is Healthy, PNEUMONIA is Pneumonia.*: found 1 Healthy, 1 Pneumonia, "
            "no images of COVID-19 .* put a COVID-19 folder"
        )
        with pytest.raises(DataError, match=said):
            read_data_dir(folder, "train")


def test_radiography_database_as_published(tmp_path: Path) -> None:
    for name in ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"):
        touch(tmp_path / name, f"images/{name}-1.png", f"masks/{name}-1.png")
    (tmp_path / "COVID.metadata.xlsx").touch()
    assert listed(tmp_path, "train") == [
        ("Normal/images/Normal-1.png", HEALTHY, "Normal/images/Normal-1"),
        ("Viral Pneumonia/images/Viral Pneumonia-1.png", PNEUMONIA, "Viral Pneumonia/images/Viral Pneumonia-1"),
        ("COVID/images/COVID-1.png", COVID, "COVID/images/COVID-1"),
    ]
    left_out = read_collection(tmp_path).left_out
    assert {reason: len(files) for reason, files in left_out.items()} == {
        "masks, not X-rays": 3, "in folders that name none of the three classes": 1,
    }  # fmt: skip


def test_links_to_folders_are_followed_and_a_circle_is_not(tmp_path: Path) -> None:
    touch(tmp_path / "store", "h/1.png", "p/1.png", "c/1.png")
    data = tmp_path / "data"
    for name, target in (("Healthy", "h"), ("Pneumonia", "p")):
        data.mkdir(exist_ok=True)
        (data / name).symlink_to(tmp_path / "store" / target)
    (data / "COVID-19").mkdir()
    (data / "COVID-19" / "site").symlink_to(tmp_path / "store" / "c")
    (data / "COVID-19" / "up").symlink_to(data / "COVID-19")
    (data / "COVID-19" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert [path for path, _, _ in listed(data, "train")] == ["Healthy/1.png", "Pneumonia/1.png", "COVID-19/site/1.png"]
    assert read_collection(data).left_out == {
        "links to a folder that is read already": [str(data / "COVID-19" / "up")],
        "links that lead nowhere": [str(data / "COVID-19" / "gone.png")],
    }


def test_the_folder_one_below_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "set/Healthy/1.png")
    with pytest.raises(DataError, match=r"found set, which has them: give .*/set$"):
        read_collection(tmp_path)


def test_nih(tmp_path: Path) -> None:
    (tmp_path / "Data_Entry_2017.csv").write_text(
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n"
        "00000001_000.png,No Finding,0,1,058Y,M,PA\n"
        "00000002_000.png,Edema|Pneumonia,0,2,9,F,AP\n"
        "00000003_000.png,Cardiomegaly,0,3,81,F,PA\n"
        "00000003_001.png,No Finding,1,3,414,F,PA\n"
    )
    (tmp_path / "test_list.txt").write_text("00000003_001.png\n")
    (tmp_path / "train_val_list.txt").write_text("00000001_000.png\n")
    touch(tmp_path, "images_001/images/00000001_000.png", "images_002/images/00000003_001.png")
    assert listed(tmp_path, "train") == [
        ("images_001/images/00000001_000.png", HEALTHY, "1"),
        ("00000002_000.png", PNEUMONIA, "2"),
    ]
    assert listed(tmp_path, "test") == [("images_002/images/00000003_001.png", HEALTHY, "3")]
    assert [(e.age, e.view) for e in list_splits(tmp_path)["train"]] == [(58, "PA"), (9, "AP")]
    assert list_splits(tmp_path)["test"][0].age is None  # nobody is 414 years old
    assert read_collection(tmp_path).left_out == {"findings other than pneumonia": ["00000003_000.png"]}


def test_rsna(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(
        "patientId,x,y,width,height,Target\na,,,,,0\nb,1,2,3,4,1\nb,5,6,7,8,1\nc,,,,,0\n"
    )
    touch(tmp_path, "stage_2_train_images/a.dcm", "stage_2_train_images/b.dcm", "stage_2_test_images/t.dcm")
    with pytest.raises(DataError, match=r"without stage_2_detailed_class_info\.csv"):
        read_collection(tmp_path)
    (tmp_path / "stage_2_detailed_class_info.csv").write_text(
        "patientId,class\na,Normal\nb,Lung Opacity\nb,Lung Opacity\nc,No Lung Opacity / Not Normal\n"
    )
    assert listed(tmp_path, "train") == [
        ("stage_2_train_images/a.dcm", HEALTHY, "a"),
        ("stage_2_train_images/b.dcm", PNEUMONIA, "b"),
    ]
    assert read_collection(tmp_path).left_out == {
        "findings other than lung opacity": ["c"],
        "films of the challenge's test, which have no label": [str(tmp_path / "stage_2_test_images" / "t.dcm")],
    }


def test_vindr_by_most_readers_and_from_kaggle(tmp_path: Path) -> None:
    whole, kaggle = tmp_path / "whole", tmp_path / "kaggle"
    touch(whole, "train/a.dicom", "train/b.dicom", "test/d.dicom")
    (whole / "annotations").mkdir()
    (whole / "annotations" / "image_labels_train.csv").write_text(
        "image_id,rad_id,Pneumonia,No finding\n"
        "a,R1,0,1\na,R2,0,1\na,R3,0,1\nb,R1,1,0\nb,R2,1,0\nb,R3,0,1\nc,R1,0,1\nc,R2,1,0\nc,R3,0,0\n"
    )
    (whole / "annotations" / "image_labels_test.csv").write_text("image_id,Pneumonia,No finding\nd,1.0,0.0\n")
    assert listed(whole, "train") == [("train/a.dicom", HEALTHY, "a"), ("train/b.dicom", PNEUMONIA, "b")]
    assert listed(whole, "test") == [("test/d.dicom", PNEUMONIA, "d")]
    assert list(read_collection(whole).left_out.values()) == [["c"]]
    touch(kaggle, "train/e.dicom")
    (kaggle / "train.csv").write_text(
        "image_id,class_name,class_id,rad_id,x_min\ne,No finding,14,R1,\nf,Infiltration,6,R2,10\n"
    )
    assert listed(kaggle, "train") == [("train/e.dicom", HEALTHY, "e")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_as_spreadsheets_and_windows_save_them(tmp_path: Path, separator: str) -> None:
    rows = [("path", "label", "age", "view"), ("films\\a.png", "normal", "011M", "LL"), ("b.png", "covid", "", "")]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    touch(tmp_path, "films/a.png", "b.png")
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "labels.csv").write_text(text, encoding=encoding, newline="")
        assert listed(tmp_path, "train") == [("films/a.png", HEALTHY, "films/a"), ("b.png", COVID, "b")]
        first = list_splits(tmp_path)["train"][0]
        assert (first.age, first.view) == (pytest.approx(11 / 12), "LL")


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x.png", "shut/y.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    scandir = os.scandir

    def scan(path: str) -> object:
        if path == str(tmp_path / "shut"):  # root may list everything
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    found = images_below(tmp_path)
    assert found.images == [tmp_path / "a" / "x.png"]
    assert dict(found.left_out) == {"folders that cannot be read": [str(tmp_path / "shut")]}
