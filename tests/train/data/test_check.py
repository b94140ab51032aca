"""What `coronet data check` finds in small data sets with one fault each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from cli.main import main
from train.data.check import DataCheck, check_data

CLASSES = ("normal", "pneumonia", "COVID-19")


def save(path: Path, content: int, size: tuple[int, int] = (200, 160)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(content)
    Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8)).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two patients per class to train on and one to test on, an image each; nothing is wrong with it."""
    content = 0
    for split, count in (("train", 2), ("test", 1)):
        lines = []
        for label in CLASSES:
            for number in range(count):
                name = f"{split}-{label}-{number}"
                save(tmp_path / f"{name}.png", content)
                lines.append(f"{name} {name}.png {label}\n")
                content += 1
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return tmp_path


def add_line(data: Path, split: str, line: str) -> None:
    with (data / f"{split}.txt").open("a") as stream:
        stream.write(line + "\n")


def names(groups: list[list[str]]) -> list[list[str]]:
    return [[Path(name).name for name in group] for group in groups]


def found(check: DataCheck) -> set[str]:
    """The findings that are not empty."""
    lists = ("missing", "unreadable", "duplicates", "shared_images", "conflicting_labels", "shared_patients")
    return {name for name in (*lists, "unusual_sizes", "problems", "notes") if getattr(check, name)}


def test_nothing_wrong(data: Path) -> None:
    check = check_data(data)
    assert found(check) == set()
    assert check.splits["train"].images == {"Healthy": 2, "Pneumonia": 2, "COVID-19": 2}
    assert check.splits["test"].patients == {"Healthy": 1, "Pneumonia": 1, "COVID-19": 1}
    assert check.sizes == {"smallest": (200, 160), "median": (200, 160), "largest": (200, 160)}


def test_missing_and_unreadable(data: Path) -> None:
    (data / "train-normal-0.png").unlink()
    (data / "test-COVID-19-0.png").write_bytes(b"no image")
    check = check_data(data)
    assert [Path(path).name for path in check.missing] == ["train-normal-0.png"]
    assert [Path(path).name for path in check.unreadable] == ["test-COVID-19-0.png"]
    assert check.problems == [
        "1 missing image(s); name their folder with --roots",
        "1 unreadable image(s); replace them, or train with --skip-unreadable",
    ]


def test_an_image_saved_twice_is_a_duplicate_even_in_another_format(data: Path) -> None:
    Image.open(data / "train-normal-0.png").save(data / "copy.tif")
    add_line(data, "train", "new copy.tif normal")
    check = check_data(data)
    assert found(check) == {"duplicates", "notes"}
    assert names(check.duplicates) == [["train-normal-0.png", "copy.tif"]]


def test_an_image_on_both_sides_of_a_split_is_a_problem(data: Path) -> None:
    (data / "copy.png").write_bytes((data / "train-normal-0.png").read_bytes())
    add_line(data, "test", "new copy.png normal")
    check = check_data(data)
    assert found(check) == {"shared_images", "problems"}
    assert names(check.shared_images) == [["train-normal-0.png", "copy.png"]]


def test_an_image_under_two_labels_is_a_problem(data: Path) -> None:
    add_line(data, "train", "train-normal-0 train-normal-0.png pneumonia")
    check = check_data(data)
    assert found(check) == {"conflicting_labels", "problems", "notes"}
    assert names(check.conflicting_labels) == [["train-normal-0.png"]]


def test_a_patient_on_both_sides_is_a_problem(data: Path) -> None:
    save(data / "other.png", 99)
    add_line(data, "test", "train-normal-0 other.png normal")
    check = check_data(data)
    assert found(check) == {"shared_patients", "problems"}
    assert check.shared_patients == {"train-normal-0": {"train": 1, "test": 1}}


def test_repeated_lines_are_a_note(data: Path) -> None:
    for _ in range(2):
        add_line(data, "train", "train-normal-0 train-normal-0.png normal")
    check = check_data(data)
    assert found(check) == {"notes"}
    assert check.splits["train"].repeated_lines == 2
    assert check.splits["train"].images["Healthy"] == 4


@pytest.mark.parametrize(("size", "unusual"), [((160, 200), False), ((100, 120), True), ((400, 200), True)])
def test_thumbnails_and_strips_are_of_unusual_size(data: Path, size: tuple[int, int], unusual: bool) -> None:
    save(data / "train-normal-0.png", 0, size)
    check = check_data(data)
    assert [Path(path).name for path in check.unusual_sizes] == (["train-normal-0.png"] if unusual else [])
    assert found(check) == ({"unusual_sizes", "notes"} if unusual else set())


def test_a_class_without_images_or_with_one_patient_is_a_problem(data: Path) -> None:
    lines = (data / "train.txt").read_text().splitlines(keepends=True)
    (data / "train.txt").write_text("".join(line for line in lines if "normal-1" not in line and "COVID" not in line))
    assert check_data(data).problems == [
        "train: no images of COVID-19",
        "train: one patient with Healthy; a validation split needs two or more",
    ]


def test_a_given_validation_split_makes_one_patient_enough(data: Path) -> None:
    lines = (data / "train.txt").read_text().splitlines(keepends=True)
    for split, digit in (("train", "0"), ("val", "1")):
        (data / f"{split}.txt").write_text("".join(line for line in lines if line.split()[0].endswith(digit)))
    assert found(check_data(data)) == set()


def test_a_mask_among_x_rays_is_a_problem(data: Path) -> None:
    mask = np.zeros((160, 200), np.uint8)
    mask[40:120, 50:150] = 1  # as many masks are stored, which looks black
    Image.fromarray(mask).save(data / "train-normal-0.png")
    Image.fromarray(mask * 255).save(data / "train-normal-1.png")
    check = check_data(data)
    assert [Path(path).name for path in check.two_valued] == ["train-normal-0.png", "train-normal-1.png"]
    assert check.problems == ["2 picture(s) of two values, as masks are; remove them"]


def test_a_film_with_much_black_and_white_and_gray_between_is_no_mask(data: Path) -> None:
    film = np.tile(np.repeat(np.array([0, 128, 255], np.uint8), [90, 20, 90]), (160, 1))
    Image.fromarray(film).save(data / "train-normal-0.png")
    assert check_data(data).two_valued == []


def test_children_and_lateral_films_are_found_where_a_table_or_a_header_says_so(tmp_path: Path) -> None:
    dicom = Path(get_testdata_file("CT_small.dcm"))  # type: ignore[arg-type]
    film = pydicom.dcmread(dicom)
    film.Modality, film.PatientAge, film.ViewPosition = "DX", "011M", "LL"
    film.save_as(tmp_path / "f.dcm")
    for number, name in enumerate(("a", "b", "c", "d", "e")):
        save(tmp_path / f"{name}.png", number)
    (tmp_path / "labels.csv").write_text(
        "path,label,age,view\na.png,normal,17,PA\nb.png,normal,18,LATERAL\nc.png,pneumonia,,\nd.png,pneumonia,,\n"
        "e.png,covid,,\nf.dcm,covid,,\n"
    )
    check = check_data(tmp_path)
    assert {Path(path).name: age for path, age in check.children.items()} == {
        "a.png": 17,
        "f.dcm": pytest.approx(11 / 12),
    }
    assert [Path(path).name for path in check.laterals] == ["b.png", "f.dcm"]
    assert [note.split(" ")[:3] for note in check.notes if "children" in note or "lateral" in note] == [
        ["2", "lateral", "film(s);"], ["2", "image(s)", "of"],
    ]  # fmt: skip


def test_what_was_left_out_is_said_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("Healthy/images/h", "Pneumonia/images/p", "COVID-19/images/c", "Healthy/masks/h")):
        save(tmp_path / f"{name}.png", number)
    check = check_data(tmp_path)
    assert check.recognised == "class folders (Healthy, Pneumonia, COVID-19)"
    assert names(list(check.left_out.values())) == [["h.png"]]
    assert check.splits["train"].images == {"Healthy": 1, "Pneumonia": 1, "COVID-19": 1}
    main(["data", "check", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Read as class folders" in out
    assert "Left out: masks, not X-rays (1)" in out


def test_the_command_prints_a_table_and_says_no_problem(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(data)]) == 0
    out = capsys.readouterr().out
    for text in ("7,966", "8,521", "1,058", "No problem found."):
        assert text in out


def test_the_command_fails_on_a_problem_and_names_images(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in data.glob("train-*.png"):
        path.unlink()
    assert main(["data", "check", str(data)]) == 1
    out = capsys.readouterr().out
    assert "Missing (6)" in out
    assert "... and 1 more (all with --json)" in out
    assert "Problem: 6 missing image(s)" in out


def test_json_has_everything(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "train-normal-0.png").unlink()
    assert main(["data", "check", str(data), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["missing"] == [str(data / "train-normal-0.png")]
    assert answer["splits"]["train"]["images"]["Healthy"] == 2
    assert answer["paper_counts"]["train"]["COVID-19"] == 89


def test_a_two_class_file_is_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_9B.txt").write_text("p a.png positive ricord\n")
    assert main(["data", "check", str(tmp_path)]) == 1
    assert "two-class label file" in capsys.readouterr().err


def test_images_in_another_root(data: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("root")
    (data / "train-normal-0.png").rename(root / "train-normal-0.png")
    assert check_data(data).missing
    assert found(check_data(data, [root])) == set()


def test_published_collection_has_three_patients_on_both_sides(shared_data: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text((shared_data / "cxr512" / f"{split}_labels.txt").read_text())
    check = check_data(tmp_path)  # without the images, which are all missing: a second instead of ten
    assert set(check.shared_patients) == {"00002288", "00003248", "00003392"}
    assert len(check.missing) == 898


def test_a_path_with_brackets_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "set [" / "b]" / "Healthy" / "h.png", 0)
    monkeypatch.chdir(tmp_path)
    main(["data", "check", "set [/b]"])  # what rich takes for the end of bold
    assert "set [/b]" in capsys.readouterr().out
