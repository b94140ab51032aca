"""A new source of data is one file with `matches` and `read`, and one row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from train.data import sources
from train.data.data_dir import list_splits, read_collection
from train.data.examples import Collection, Example


def matches(path: Path) -> bool:
    """Of the toy: a folder that says so."""
    return (path / "toy").is_file()


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """Of the toy: one image of each class, named by its number."""
    return Collection({"test": [Example(path / str(label), label, str(label), "toy") for label in range(3)]}, "a toy")


def test_a_source_is_added_by_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy").touch()
    toy = SimpleNamespace(matches=matches, read=read)
    monkeypatch.setattr(sources, "SOURCES", (toy, *sources.SOURCES))
    assert read_collection(tmp_path).recognised == "a toy"
    assert [example.source for example in list_splits(tmp_path)["test"]] == ["toy", "toy", "toy"]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"Data_Entry_2017.csv": "Image Index,Finding Labels,Patient ID\n", "train_val_list.txt": ""}, "nih"),
        ({"stage_2_train_labels.csv": "patientId,x,y,width,height,Target\n"}, "rsna"),
        ({"annotations/image_labels_test.csv": "image_id,No finding,Pneumonia\n"}, "vindr"),
        ({"train.csv": "image_id,class_name,class_id,rad_id,x_min\n"}, "vindr"),
        ({"train_COVIDx9A.txt": "", "Healthy/a.png": ""}, "covidx"),
        ({"labels.csv": "path,label\n", "Healthy/a.png": ""}, "table"),
        ({"chest_xray/test/PNEUMONIA/person1_virus_6.jpeg": ""}, "kermany"),
        ({"NORMAL/x.png": "", "PNEUMONIA/person1_virus_6.jpeg": "", "COVID19/y.png": ""}, "class_folders"),
        ({"Healthy/a.png": ""}, "class_folders"),
    ],
)  # fmt: skip
def test_each_form_is_known_by_its_files(tmp_path: Path, files: dict[str, str], name: str) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    first = next(source for source in sources.SOURCES if source.matches(tmp_path))
    assert first is getattr(sources, name)


@pytest.mark.parametrize(("text", "name"), [("path\tlabel\n", "table"), ("p1\ta.png\tnormal\n", "covidx")])
def test_a_tsv_is_a_table_if_it_has_a_header(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "labels.tsv").write_text(text)
    assert next(s for s in sources.SOURCES if s.matches(tmp_path / "labels.tsv")) is getattr(sources, name)
